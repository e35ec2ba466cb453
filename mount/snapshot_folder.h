// SPDX-License-Identifier: Apache-2.0
#pragma once

// A folder of a snapshot, as a mount remembers one.

#include <cstddef>
#include <cstdint>
#include <optional>

#include "mount/numbers.h"
#include "util/id.h"

namespace lagan {

struct SnapshotFolder {
  NodeId id = 0, parent = 0;
  std::uint64_t path = 0;      // the number of its host and path: the same in all snapshots
  std::optional<ChunkId> top;  // nothing: it is empty
  std::size_t snapshot = 0;    // which of the mount's snapshots
};

}  // namespace lagan
