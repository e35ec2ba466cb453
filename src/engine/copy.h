// SPDX-License-Identifier: Apache-2.0
#pragma once

// Copies snapshots from one repository into another, which is a writer there and a reader here.
// Each snapshot has a session of its own. Whatever is there already is not stored again, so a run
// that was interrupted goes on where it was.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "repo/chunk_writer.h"
#include "repo/snapshots.h"
#include "src/engine/observer.h"

namespace lagan {

struct CopyOptions {
  std::string host;  // of the sessions
  bool dry_run = false;
  std::size_t threads = 0;  // that read; 0: by the number of processors
  ChunkWriterOptions writer;
  std::function<bool()> is_stopped = [] { return false; };
};

enum class CopyOutcome { copied, already_there, unreadable };

struct CopyResult {
  bool are_siblings = false;
  std::uint64_t copied = 0, already_there = 0, unreadable = 0;  // snapshots
  std::uint64_t bytes = 0;  // of chunks that were, or in a dry run would be, read and copied
  std::uint64_t data_chunks = 0, tree_chunks = 0, stored_bytes = 0;  // new in the destination
};

// Called for each snapshot when it is done. `there` is the one in the destination.
using EachCopied = std::function<void(const StoredSnapshot& source, CopyOutcome outcome,
                                      const std::optional<SnapshotId>& there)>;

// Do chunks have the same ids in both (CreateOptions::sibling)?
bool are_siblings(const Repository& a, const Repository& b);

// What a snapshot needs and cannot be read is told to the observer, that snapshot is not copied,
// and the run goes on; everything else that fails ends it. `cancelled` if stopped.
Result<CopyResult> copy_snapshots(const Repository& from, const Repository& to,
                                  const std::vector<StoredSnapshot>& snapshots,
                                  const CopyOptions& options, Observer& observer,
                                  const EachCopied& each);

}  // namespace lagan
