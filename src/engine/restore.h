// SPDX-License-Identifier: Apache-2.0
#pragma once

// From a snapshot to files. The tree is walked in order; content is planned in windows of bounded
// size, sorted by where it lies, and read with few large requests by several threads; every chunk
// is verified. Nothing is ever written outside the target: folders are opened beneath it without
// following symlinks. No file is ever half of the old and half of the new but while its blocks are
// written one by one, each of them whole.

#include <functional>
#include <string>
#include <vector>

#include "repo/local_index.h"
#include "repo/repository.h"
#include "src/engine/fidelity.h"
#include "src/engine/observer.h"
#include "src/engine/overwrite.h"
#include "src/engine/restore_filter.h"
#include "src/engine/untouchable_places.h"

namespace lagan {

struct RestoreOptions {
  std::string target;
  std::string path_in_snapshot;  // only what lies at or below it, put directly into the target;
                                 // empty: all, by full path
  RestoreFilter filter;
  RestoreFilter xattrs;  // which extended attributes, their names as paths: "/user.mime_type"
  Overwrite overwrite = Overwrite::always;
  bool delete_extra = false;  // what the target has and the snapshot does not, as far as the
                              // filter chooses it
  std::vector<OwnFolder> own_folders;  // the repository: nothing in them is deleted
  bool verify = false;                 // reads back what was restored
  bool sparse = false;                 // runs of zeros become holes
  bool owner_by_name = false;
  bool keeps_owner = false;  // files belong to whoever restores
  bool dry_run = false;
  bool sync = false;            // ends only when all of it lies on the disk
  bool force = false;           // also where there seems to be no room
  std::vector<Trait> required;  // of the target; else nothing is restored
  std::size_t threads = 0;      // 0: by the number of processors
  std::function<bool()> is_stopped = [] { return false; };
};

struct RestoreResult {
  std::uint64_t files = 0, folders = 0, others = 0;  // what was tried
  std::uint64_t errors = 0;
  std::uint64_t unchanged = 0, left = 0;  // of these: files that were right, what was not touched
  std::uint64_t deleted = 0;
  std::uint64_t bytes = 0, total_bytes = 0;  // written, and the size of what was tried
  std::uint64_t bytes_kept = 0;              // that were there already
  std::vector<Loss> losses;                  // what the target cannot represent
};

// Files that cannot be restored whole go to the observer and are counted; the rest is restored.
Result<RestoreResult> restore(const Repository& repository, const LocalIndex& index,
                              const Snapshot& snapshot, const RestoreOptions& options,
                              Observer& observer);

}  // namespace lagan
