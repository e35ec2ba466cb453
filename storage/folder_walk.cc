// SPDX-License-Identifier: Apache-2.0
#include "storage/folder_walk.h"

#include "storage/arguments.h"
#include "util/parallel.h"

namespace lagan {

Result<void> walk_folders(std::string_view prefix, std::size_t threads,
                          const ListFolder& list_folder, const EachObject& each) {
  TRY(check_prefix(prefix));
  if (prefix.ends_with('/')) prefix.remove_suffix(1);
  std::vector<std::string> level{std::string(prefix)};
  while (!level.empty()) {
    std::vector<std::vector<FolderEntry>> found(level.size());
    TRY(for_each_parallel(level.size(), threads, [&](std::size_t i) -> Result<void> {
      auto entries = list_folder(level[i]);
      if (entries) found[i] = *std::move(entries);
      if (!entries && entries.error().code != ErrorCode::not_found)
        return fail(std::move(entries).error());
      return {};
    }));
    std::vector<std::string> below;
    for (std::size_t i = 0; i < level.size(); ++i) {
      for (const FolderEntry& entry : found[i]) {
        const auto name =
            ObjectName::parse(level[i].empty() ? entry.name : level[i] + "/" + entry.name);
        if (!name) continue;  // temporary and foreign files
        if (entry.is_folder) {
          below.push_back(name->text());
        } else {
          TRY(each({*name, entry.size_bytes, entry.modified}));
        }
      }
    }
    level = std::move(below);
  }
  return {};
}

}  // namespace lagan
