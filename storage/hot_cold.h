// SPDX-License-Identifier: Apache-2.0
#pragma once

// Two places for one repository: a cold one with everything, that may be slow or dear to read, and
// a hot one with all but the data packs. Only these are ever read from the cold one, so backup,
// check and listings touch it for nothing but to put and to name. It is a whole repository by
// itself, should the hot one be lost. Any thread.
//
//   hotcold:?hot=LOCATION&cold=LOCATION      escaped as in a URL

#include <memory>
#include <string>
#include <string_view>

#include "storage/storage.h"

namespace lagan {

struct StorageOptions;

struct HotColdLocation {
  std::string hot, cold;  // locations
};

bool is_hot_cold_location(std::string_view text);
Result<HotColdLocation> parse_hot_cold_location(std::string_view text);
Result<std::unique_ptr<Storage>> open_hot_cold_storage(std::string_view location,
                                                       const StorageOptions& options);

std::unique_ptr<Storage> make_hot_cold_storage(std::unique_ptr<Storage> hot,
                                               std::unique_ptr<Storage> cold);

}  // namespace lagan
