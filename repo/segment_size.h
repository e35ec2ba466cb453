// SPDX-License-Identifier: Apache-2.0
#pragma once

// How long an index segment becomes: packs of small files take thousands of times as much of it as
// others, so who puts segments counts bytes and not packs.

#include <cstddef>

#include "repo/limits.h"
#include "repo/messages.h"

namespace lagan {

// Who collects packs for a segment puts it when they take so much. With the largest pack added it
// is still far below what readers accept.
constexpr std::size_t kSegmentTarget = 48 * limits::kMiB;
static_assert(2 * (kSegmentTarget + limits::kPackEntryBytes) < limits::kSegmentBytes);

// What the pack takes in a segment, or a little more.
inline std::size_t size_in_segment(const PackEntry& pack) {
  // Beside ids, a chunk has a length of at most 4 bytes, and a block six numbers.
  std::size_t size = 256;
  for (const Block& block : pack.directory.blocks)
    size += 64 + block.ids.size() * (ChunkId::kSize + 4);
  return size;
}

}  // namespace lagan
