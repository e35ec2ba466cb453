// SPDX-License-Identifier: Apache-2.0
#include "src/engine/pattern_file.h"

#include "util/file.h"

namespace lagan {

Result<void> read_pattern_file(const std::string& path, bool ignore_case,
                               std::vector<PathPattern>& patterns) {
  constexpr std::size_t kPatternFileMax = std::size_t{16} << 20;
  const Bytes content = TRY(read_file(path, kPatternFileMax));
  std::string_view rest = as_text(content);
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    line = line.substr(0, line.find_last_not_of("\r \t") + 1);
    if (line.empty() || line.front() == '#') continue;
    patterns.push_back(TRY_IN(path, PathPattern::parse(line, ignore_case)));
  }
  return {};
}

}  // namespace lagan
