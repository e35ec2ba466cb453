// SPDX-License-Identifier: Apache-2.0
#pragma once

// Forgetting snapshots, bringing them back, and storing them again with other words. Nothing here
// deletes anything: what is forgotten is hidden at once and can be brought back until a collection
// after the undelete window takes it.

#include <string>
#include <vector>

#include "repo/repository.h"
#include "repo/session.h"
#include "repo/snapshots.h"

namespace lagan {

// `rule` says to people why. Nothing is written for an empty list.
Result<void> forget(const Repository& repository, std::vector<SnapshotId> snapshots,
                    const std::string& rule);

// What can be brought back: of each snapshot and those of the same tree that were stored again from
// it, the one that was forgotten last, unless one of them is still there.
Result<SnapshotList> list_forgotten(const Repository& repository);

// Stores `snapshot` as a new one that names the same trees, with `original` set, under the protocol
// of writers: what lies in condemned packs is stored again. Returns the new id. `old` stays.
Result<SnapshotId> store_again(const Repository& repository, const StoredSnapshot& old,
                               Snapshot snapshot, Purpose purpose,
                               const ChunkWriterOptions& writer = {});

}  // namespace lagan
