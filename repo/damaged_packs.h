// SPDX-License-Identifier: Apache-2.0
#pragma once

// The packs that a check on this machine has found damaged or missing, in a file of the cache.
// Writers store again what only these hold, while the source still has it; readers prefer other
// copies; a collector deletes nothing before they are repaired. Lost, it costs that, until the next
// check.

#include <unordered_set>

#include "repo/repository.h"

namespace lagan {

std::unordered_set<PackId> known_damaged_packs(const Repository& repository);

// Adds `damaged`, drops `others`. Failing costs the memory only.
void remember_damaged_packs(const Repository& repository, const std::unordered_set<PackId>& damaged,
                            const std::unordered_set<PackId>& others);

}  // namespace lagan
