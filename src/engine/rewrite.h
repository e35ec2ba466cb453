// SPDX-License-Identifier: Apache-2.0
#pragma once

// Takes entries out of a snapshot. A snapshot is never changed: a new one is put, with `original`
// set, and the caller may forget the old one. Only the nodes of directories that change are
// written; what lies in other directories is named by the ids it had. What is taken out stays in
// the repository until the old snapshot is forgotten, past its window and collected.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "repo/chunk_writer.h"
#include "repo/snapshots.h"
#include "src/engine/filter.h"
#include "src/engine/observer.h"

namespace lagan {

struct RewriteOptions {
  Filter excludes;                    // what matches goes …
  std::vector<PathPattern> includes;  // … or, if there are any of these, what does not
  std::optional<std::string> host;    // instead of the old ones
  std::optional<Nanoseconds> time;
  std::vector<std::string> add_tags;
  bool dry_run = false;
  ChunkWriterOptions writer;
  std::function<bool()> is_stopped = [] { return false; };

  bool changes_trees() const { return !excludes.is_empty() || !includes.empty(); }
};

struct RewriteResult {
  bool is_changed = false;
  std::optional<SnapshotId> snapshot;  // none: nothing changed, or a dry run
  Subtree removed;                     // what went, without an id
};

// Under the protocol of writers. What goes is told to the observer, item by item. `index` is
// loaded; it learns what the session learns. An error leaves the old snapshot as the only one.
Result<RewriteResult> rewrite(const Repository& repository, LocalIndex& index,
                              const StoredSnapshot& old, const RewriteOptions& options,
                              Observer& observer);

}  // namespace lagan
