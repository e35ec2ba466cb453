// SPDX-License-Identifier: Apache-2.0
#pragma once

// From a snapshot to files. The tree is walked in order; content is planned in windows of bounded
// size, sorted by where it lies, and read with few large requests by several threads; every chunk
// is verified. Nothing is ever written outside the target: folders are opened beneath it without
// following symlinks.

#include <functional>
#include <string>
#include <vector>

#include "repo/local_index.h"
#include "repo/repository.h"
#include "src/engine/filter.h"
#include "src/engine/observer.h"

namespace lagan {

struct RestoreOptions {
  std::string target;
  std::string path_in_snapshot;  // only what lies at or below it, put directly into the target;
                                 // empty: all, by full path
  std::vector<PathPattern> includes, excludes;
  bool owner_by_name = false;
  bool dry_run = false;
  std::size_t threads = 0;  // 0: by the number of processors
  std::function<bool()> is_stopped = [] { return false; };
};

struct RestoreResult {
  std::uint64_t files = 0, folders = 0, others = 0;  // what was tried
  std::uint64_t errors = 0;
  std::uint64_t bytes = 0, total_bytes = 0;  // written, and the size of what was tried
};

// Files that cannot be restored whole go to the observer and are counted; the rest is restored.
Result<RestoreResult> restore(const Repository& repository, const LocalIndex& index,
                              const Snapshot& snapshot, const RestoreOptions& options,
                              Observer& observer);

}  // namespace lagan
