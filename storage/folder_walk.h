// SPDX-License-Identifier: Apache-2.0
#pragma once

// A listing on servers that tell one folder at a time: several are asked at once, level by level,
// since each costs a round trip and packs lie in 256 of them. For backends only.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/storage.h"

namespace lagan {

struct FolderEntry {
  std::string name;  // in its folder; those that no object can have are passed over
  bool is_folder = false;
  std::uint64_t size_bytes = 0;
  std::optional<Nanoseconds> modified;
};

// What is in a folder of objects ("" is the repository itself). Called on several threads.
// `not_found`: nothing was put there yet.
using ListFolder = std::function<Result<std::vector<FolderEntry>>(const std::string& folder)>;

// As Storage::list. `list_folder` is not running when `each` is called.
Result<void> walk_folders(std::string_view prefix, std::size_t threads,
                          const ListFolder& list_folder, const EachObject& each);

}  // namespace lagan
