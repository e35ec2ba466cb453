// SPDX-License-Identifier: Apache-2.0
#pragma once

// Opening and listing the folders of the source, without leaving a trace in access times where the
// system allows that. Follows no symlink unless told to.

#include <string>
#include <string_view>
#include <vector>

#include "util/file.h"
#include "util/result.h"

namespace lagan {

// `name` in the folder open as `parent`. Not open, with errno set, if that fails.
File open_source_folder(int parent, const char* name);
// The same, through symlinks.
File open_folder_behind(int parent, const char* name);

// The names in the open folder in byte order, without "." and "..".
Result<std::vector<std::string>> list_names(int folder);
// If they cannot all be read, `names` has those that could.
Result<void> list_names(int folder, std::vector<std::string>& names);

// The path of `name` in `folder`, both as the snapshot has them.
std::string join_path(const std::string& folder, std::string_view name);

}  // namespace lagan
