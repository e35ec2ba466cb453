// SPDX-License-Identifier: Apache-2.0
#pragma once

// Takes entries out of snapshots. A snapshot is never changed: a new one is put, with `original`
// set, and the old one may be forgotten. Only the nodes of directories that change are written;
// what lies in other directories is named by the ids it had. What is taken out stays in the
// repository until the old snapshot is forgotten, past its window and collected.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "repo/chunk_writer.h"
#include "repo/snapshots.h"
#include "src/engine/observer.h"
#include "src/engine/pattern_rules.h"

namespace lagan {

struct RewriteOptions {
  std::vector<PatternFlag> excludes;  // what matches goes, as from a backup …
  std::vector<PatternRule> includes;  // … or, if there are any of these, what does not match
  std::optional<std::string> host;    // instead of the old ones
  std::optional<Nanoseconds> time;
  bool forget = false;  // the old ones; else the new ones get the tag `rewrite`
  bool dry_run = false;
  ChunkWriterOptions writer;
  std::function<bool()> is_stopped = [] { return false; };
};

// What became of one snapshot.
struct RewrittenSnapshot {
  std::optional<SnapshotId> snapshot;  // the new one; none in a dry run
  Subtree removed;                     // how much went, without an id
};
// Called for each that is changed, once that is done and, if wanted, the old one forgotten.
using EachRewritten = std::function<void(const StoredSnapshot& old, const RewrittenSnapshot& done)>;

// Each under the protocol of writers, in a session of its own; those of which nothing goes, or
// nothing would be left, stay as they are. One that an earlier run has put, of the same tree, is
// not put again. What goes is told to the observer, item by item. An error leaves what was there
// whole. `list` is what `chosen` is from. Returns how many were changed.
Result<std::size_t> rewrite_snapshots(const Repository& repository, const SnapshotList& list,
                                      const std::vector<StoredSnapshot>& chosen,
                                      const RewriteOptions& options, Observer& observer,
                                      const EachRewritten& each);

}  // namespace lagan
