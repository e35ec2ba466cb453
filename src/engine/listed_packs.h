// SPDX-License-Identifier: Apache-2.0
#pragma once

// The packs that are in the storage.

#include <cstdint>
#include <unordered_map>

#include "repo/repository.h"

namespace lagan {

struct ListedPack {
  ObjectKind kind = ObjectKind::data_pack;
  std::uint64_t size = 0;
};
using ListedPacks = std::unordered_map<PackId, ListedPack>;

Result<ListedPacks> list_packs(const Repository& repository);

// A listing that leaves something out would make it look missing: two in a row must agree on what
// was there at the first. Backups may add to it meanwhile.
Result<ListedPacks> list_packs_twice(const Repository& repository);

}  // namespace lagan
