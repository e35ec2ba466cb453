// SPDX-License-Identifier: Apache-2.0
#pragma once

// A mirror of a repository in another storage, object for object and without any key. Whatever
// happens on the way, what is in the mirror is a whole repository: readers find every chunk of
// every snapshot that they see. The source may be written to and collected meanwhile.
// docs/decisions/0012-replicas.md has the order and why it holds.

#include <cstdint>
#include <functional>

#include "src/engine/observer.h"
#include "storage/storage.h"
#include "util/result.h"

namespace lagan {

struct ReplicateOptions {
  // Deletes there what is gone from the source. Each object is asked for at the source once more
  // before. Without it a mirror that has snapshots that the source has not is left as it is.
  bool remove_gone = false;
  bool dry_run = false;
  std::function<bool()> is_stopped = [] { return false; };
};

struct ReplicateResult {
  std::uint64_t copied = 0, already_there = 0, removed = 0;  // objects
  std::uint64_t bytes = 0;                                   // of those copied
  std::uint64_t snapshots = 0;                               // of the mirror, afterwards
  std::uint64_t damaged = 0;  // objects of the source that were left out, as told
};

// Packs and segments are compared with their names on the way, for these are hashes; whatever the
// storage of the mirror does not vouch for is read back. Damaged objects of the source are told to
// `observer` and left out. A mirror that is another repository is `already_exists`.
Result<ReplicateResult> replicate(Storage& source, Storage& mirror, const ReplicateOptions& options,
                                  Observer& observer);

}  // namespace lagan
