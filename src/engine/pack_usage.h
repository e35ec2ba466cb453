// SPDX-License-Identifier: Apache-2.0
#pragma once

// How much of each pack is needed: what a collection chooses by. Asks nothing but the index and the
// marks.

#include <vector>

#include "repo/local_index.h"
#include "src/engine/live_chunks.h"
#include "src/engine/prune_plan.h"

namespace lagan {

// Of every pack that the index lists. `live` was marked with this index.
Result<std::vector<PackUsage>> count_pack_usage(const LocalIndex& index, const LiveChunks& live);

}  // namespace lagan
