// SPDX-License-Identifier: Apache-2.0
#pragma once

// Parts of objects that were read, kept in a folder of this machine: for who reads the same from a
// far storage again and again. Objects never change, so nothing here is ever out of date, and they
// are sealed as they come. All of it may be deleted at any time; what is damaged is fetched again.

#include <cstdint>
#include <memory>
#include <string>

#include "storage/storage.h"

namespace lagan {

// Keeps about `max_bytes` in `folder` (made with mode 0700), the newest. Several programs may use
// one folder, and several storages: what one gives back is never shown as another's.
Result<std::unique_ptr<Storage>> with_disk_cache(std::unique_ptr<Storage> inner,
                                                 const std::string& folder,
                                                 std::uint64_t max_bytes);

}  // namespace lagan
