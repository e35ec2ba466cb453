// SPDX-License-Identifier: Apache-2.0
#pragma once

// Snapshots that a storage no longer lists although nobody has forgotten them. To a collector what
// they alone need would look like garbage, so it asks here before it chooses anything. Two
// witnesses are heard: what this client has seen in this place, and the root records in the index,
// which say of each session that it was about to put its snapshot.

#include <unordered_map>
#include <vector>

#include "repo/local_index.h"
#include "repo/repository.h"
#include "repo/snapshots.h"
#include "src/engine/seen_snapshots.h"

namespace lagan {

class LostSnapshots {
 public:
  // Reads what was seen: before any listing.
  explicit LostSnapshots(const Repository& repository)
      : repository_(repository), seen_(repository) {}

  // `corrupt`, with the remedy, if a snapshot is lost. `list` is older than `index`. Returns those
  // that a collector closed the session of, `forgotten` at that moment: their writer died between
  // record and snapshot, or both the collector and we are shown less than there is.
  Result<std::vector<StoredSnapshot>> find(const LocalIndex& index, const SnapshotList& list);

 private:
  Result<void> read_records(const LocalIndex& index);
  Result<bool> is_there(const ObjectName& name) const;
  Error lost(const SnapshotId& id, const std::string& host) const;

  const Repository& repository_;
  const SeenSnapshots seen_;
  std::unordered_map<ChunkId, std::optional<Snapshot>> records_;  // nothing: it cannot be read
};

}  // namespace lagan
