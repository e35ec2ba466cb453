// SPDX-License-Identifier: Apache-2.0
#pragma once

// The part of a check that reads the small objects: everything but index segments and packs.

#include <set>
#include <vector>

#include "repo/snapshots.h"
#include "src/engine/check_log.h"

namespace lagan {

struct CheckedObjects {
  std::vector<StoredSnapshot> snapshots;  // readable and not forgotten, by time
  std::set<SnapshotId> present, forgotten;
  std::set<PackId> condemned;
};

// Lists and reads boot record, keys, configs, snapshots, forgotten, fences, sessions and condemned,
// in the order that lets a writer go on meanwhile. Also finds the snapshots that should be there.
Result<CheckedObjects> check_objects(const Repository& repository, std::size_t threads,
                                     CheckLog& log);

}  // namespace lagan
