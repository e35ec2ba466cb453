// SPDX-License-Identifier: Apache-2.0
#include "src/engine/file_list.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "src/engine/path_pattern.h"
#include "src/engine/pattern_rules.h"
#include "src/engine/source_entry.h"
#include "src/engine/source_folder.h"
#include "util/file.h"

namespace lagan {
namespace {

constexpr std::string_view kSpecial = "*?[\\";
constexpr std::size_t kListMax = std::size_t{256} << 20;

Result<std::string> content_of(const std::string& path) {
  const File file = path == "-" ? File(::dup(STDIN_FILENO)) : TRY(open_file(path, O_RDONLY));
  std::string text;
  Bytes piece(std::size_t{1} << 16);
  while (true) {
    const std::size_t got = TRY(read_some_full(file.descriptor(), piece.span()));
    if (got == 0) return text;
    text += as_text(piece.span().first(got));
    if (text.size() > kListMax)
      return fail(ErrorCode::invalid_argument, "is larger than 256 MiB: name folders instead");
  }
}

// Adds what fits `rest` below `base`, which ends in '/' or is empty for the current folder.
void expand(const std::string& base, std::string_view rest, std::vector<std::string>& found) {
  while (rest.starts_with('/')) rest.remove_prefix(1);
  const std::string_view component = rest.substr(0, rest.find('/'));
  const std::string_view below = rest.substr(component.size());
  const auto add = [&](const std::string& path) {
    if (below.find_first_not_of('/') != std::string_view::npos)
      return expand(path + "/", below, found);
    if (source_status(AT_FDCWD, path.c_str())) found.push_back(path);
  };
  if (component.find_first_of(kSpecial) == std::string_view::npos)
    return add(base + std::string(component));
  const File folder = open_folder_behind(AT_FDCWD, base.empty() ? "." : base.c_str());
  const auto names =
      folder.is_open() ? list_names(folder.descriptor()) : Result<std::vector<std::string>>();
  if (!names) return;
  for (const std::string& name : *names) {
    if (glob_matches(component, name)) add(base + name);
  }
}

}  // namespace

std::vector<std::string> expand_pattern(const std::string& pattern) {
  std::vector<std::string> found;
  // What is plainly named is missed if it is not there.
  if (pattern.find_first_of(kSpecial) == std::string::npos) return {pattern};
  expand(pattern.starts_with('/') ? "/" : "", pattern, found);
  return found;
}

Result<std::vector<std::string>> read_file_list(const std::string& path, FileListKind kind,
                                                const std::function<void(std::string)>& note) {
  const std::string text = TRY(content_of(path));
  std::vector<std::string> paths;
  if (kind == FileListKind::patterns) {
    for_each_pattern_line(text, [&](std::string_view line, std::size_t number) {
      const std::string pattern(line);
      auto found = expand_pattern(pattern);
      if (found.empty()) note(fmt::format("{}:{}: nothing fits '{}'", path, number, pattern));
      std::ranges::move(found, std::back_inserter(paths));
    });
    return paths;
  }
  const char end = kind == FileListKind::raw ? '\0' : '\n';
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = std::min(text.find(end, at), text.size()) - at;
    if (length != 0) paths.push_back(text.substr(at, length));
    at += length + 1;
  }
  return paths;
}

}  // namespace lagan
