// SPDX-License-Identifier: Apache-2.0
#pragma once

// Collection: takes packs that no snapshot needs, and forgotten snapshots past their window, out of
// a repository that others may be using at the same time (docs/architecture.md, "The concurrency
// protocol", G1 to G7). A run finishes what earlier runs prepared, then prepares the next: what it
// condemns is deleted by a later run. It may be stopped at any point, and several may run at once.
// Whatever cannot be read, or is missing and needed, stops it before anything is deleted.

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "repo/chunk_writer.h"
#include "repo/repository.h"
#include "src/engine/observer.h"
#include "src/engine/prune_plan.h"

namespace lagan {

struct PruneOptions {
  PruneLimits limits;
  // How long a session without a sign of life is waited for.
  Nanoseconds fence_after = Nanoseconds{72} * 3600 * 1'000'000'000;
  // How long a forgotten snapshot can be brought back; nothing: as the repository's config says.
  std::optional<Nanoseconds> undelete_window;
  ChunkWriterOptions writer;  // for what is stored again
  // Says what would be deleted and condemned; writes and deletes nothing.
  bool dry_run = false;
  // With dry_run: snapshots to be judged as if they had been forgotten just now.
  std::set<SnapshotId> as_if_forgotten;
  std::function<bool()> is_stopped = [] { return false; };
};

struct PruneResult {
  // Done by this run. A dry run counts the deletions of packs and snapshots that it left out.
  std::uint64_t packs_deleted = 0, bytes_deleted = 0;
  std::uint64_t segments_deleted = 0, snapshots_deleted = 0;
  std::uint64_t chunks_rescued = 0, bytes_rescued = 0;  // stored again, as raw bytes
  std::uint64_t packs_dropped = 0,
                bytes_dropped = 0;  // no longer listed: the next run deletes them
  std::uint64_t sessions_open = 0, sessions_fenced = 0;
  std::uint64_t packs_indexed = 0;  // that an interrupted run had left
  // What this run found, and what it condemned (or would have).
  std::uint64_t packs = 0, total_bytes = 0, needed_bytes = 0;
  std::uint64_t packs_dead = 0, packs_sparse = 0, bytes_freed = 0, bytes_to_repack = 0;
  std::uint64_t packs_waiting = 0;  // condemned, and not given up yet
  std::uint64_t snapshots_in_window = 0;
  std::vector<std::string> warnings;
};

Result<PruneResult> prune(const Repository& repository, const PruneOptions& options,
                          Observer& observer);

}  // namespace lagan
