// SPDX-License-Identifier: Apache-2.0
#pragma once

// From a location as the user writes it to a Storage.
//   /srv/backup  ./relative  file:///srv/backup  local:/srv/backup    a folder
//   mem://name                                                        in this process (tests)

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "storage/storage.h"

namespace lagan {

// Does not touch the location. An unknown scheme is `invalid_argument` and says which ones there
// are.
Result<std::unique_ptr<Storage>> open_storage(std::string_view location);

// The folder that a location is; nothing if it is something else.
std::optional<std::string> local_folder(std::string_view location);

}  // namespace lagan
