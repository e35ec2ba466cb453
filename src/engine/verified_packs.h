// SPDX-License-Identifier: Apache-2.0
#pragma once

// When this client last read each pack whole and found it good, in a file of the cache: a check
// with little time begins with what was verified longest ago. Lost or damaged, it costs that order
// only. Of two checks that run at once, what one has verified may be forgotten.

#include <vector>

#include "src/engine/check_packs.h"

namespace lagan {

// Fills in `verified` of packs that are sorted by name. A time that is yet to come is not believed.
void recall_verified(const Repository& repository, std::vector<StoredPack>& packs);

// Replaces what was remembered. Failing costs the memory only.
void remember_verified(const Repository& repository, const std::vector<StoredPack>& packs);

}  // namespace lagan
