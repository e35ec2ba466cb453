// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which packs a collection gives up: those that nothing needs, and the emptiest of the others,
// whose needed chunks are cheap to store again. Pure functions on what was counted.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "repo/messages.h"
#include "util/id.h"

namespace lagan {

struct PackUsage {
  PackId name;
  ObjectKind kind = ObjectKind::data_pack;
  std::uint64_t size = 0;          // of the object
  std::uint64_t stored_bytes = 0;  // of its blocks
  std::uint64_t needed_bytes = 0;  // of these, by the part of each block that is needed
  std::uint64_t needed_chunks = 0, chunks = 0;
  std::uint64_t unneeded_bytes() const {
    return stored_bytes - std::min(stored_bytes, needed_bytes);
  }
};

struct PruneLimits {
  // Bytes that may stay though nobody needs them: a share of all that stays, or so many.
  double unused_share = 0.05;
  std::uint64_t unused_bytes = std::numeric_limits<std::uint64_t>::max();
  // Needed bytes that one run stores again at most.
  std::uint64_t repack_bytes = std::numeric_limits<std::uint64_t>::max();
};

struct PrunePlan {
  std::vector<PackUsage> dead, repack;
  std::uint64_t needed_bytes = 0, unneeded_bytes = 0;  // of all packs
  std::uint64_t freed_bytes = 0;                       // once both are gone
  std::uint64_t repacked_bytes = 0;                    // stored again for it
};

// The order of `packs` does not matter; the plan is the same for the same packs.
PrunePlan plan_prune(std::vector<PackUsage> packs, const PruneLimits& limits);

}  // namespace lagan
