// SPDX-License-Identifier: Apache-2.0
#include "src/cli/stored_objects.h"

#include <fmt/format.h>

namespace lagan::cli {

std::string_view last_name(const ObjectName& name) {
  return std::string_view(name.text()).substr(name.text().rfind('/') + 1);
}

Result<ObjectInfo> find_object(Storage& storage, const std::vector<std::string_view>& folders,
                               std::string_view beginning, std::string_view what) {
  std::vector<ObjectInfo> found;
  for (const std::string_view folder : folders) {
    TRY(storage.list(folder, [&](const ObjectInfo& info) -> Result<void> {
      const std::string_view name = last_name(info.name);
      const bool is_id = name.find('.') == std::string_view::npos;
      if (is_id && !beginning.empty() && name.starts_with(beginning)) found.push_back(info);
      return {};
    }));
  }
  if (found.empty())
    return fail(ErrorCode::not_found, fmt::format("there is no {} {}", what, beginning));
  if (found.size() == 1) return found.front();
  return fail(ErrorCode::invalid_argument,
              fmt::format("{} fits {} of them: write more of the id", beginning, found.size()));
}

}  // namespace lagan::cli
