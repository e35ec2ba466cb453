// SPDX-License-Identifier: Apache-2.0
#pragma once

// The snapshots of a repository: listing, filtering, finding one by what the user wrote.

#include <set>
#include <string>
#include <vector>

#include "repo/messages.h"
#include "repo/repository.h"

namespace lagan {

struct StoredSnapshot {
  SnapshotId id;
  Snapshot snapshot;
  bool verified = true;  // false: fenced, and nobody has proved it whole
  // When it was first forgotten, by the storage's clock if that tells.
  std::optional<Nanoseconds> forgotten = std::nullopt;
};

struct UnreadableSnapshot {
  SnapshotId id;
  std::string what;
  std::optional<Nanoseconds> forgotten = std::nullopt;
};

struct SnapshotList {
  std::vector<StoredSnapshot> snapshots;       // by time, then id
  std::vector<std::string> damaged;            // what could not be read, with reasons
  std::vector<UnreadableSnapshot> unreadable;  // the snapshots among that …
  std::vector<std::string> damaged_logs;       // … and what was forgotten
  std::set<SnapshotId> forgotten;              // all ids that ever were, there or not
};

enum class Which { remembered, all };  // all: forgotten ones too
// Where the snapshots are read that the storage lists: from the cache, if it has them, or only as
// the storage has them, for who mends what is damaged there.
enum class ReadFrom { cache, storage };
Result<SnapshotList> list_snapshots(const Repository& repository, Which which = Which::remembered,
                                    ReadFrom from = ReadFrom::cache);

// Empty members accept anything. Each tag list must be contained whole (AND); one list of several
// must fit (OR).
struct SnapshotFilter {
  std::vector<std::string> hosts;
  std::vector<std::vector<std::string>> tag_lists;
  std::vector<std::string> paths;  // every one must be among the snapshot's
};
bool matches(const SnapshotFilter& filter, const Snapshot& snapshot);

// `latest` (the newest that matches the filter and is not dated more than a day ahead, unless all
// are; `latest~N` the Nth before it), or the beginning of
// an id that fits one snapshot only. `not_found` says what there is.
Result<StoredSnapshot> find_snapshot(const SnapshotList& list, std::string_view wanted,
                                     const SnapshotFilter& filter);

// Each of those once, in the order in which they were first named.
Result<std::vector<StoredSnapshot>> find_snapshots(const SnapshotList& list,
                                                   const std::vector<std::string>& wanted,
                                                   const SnapshotFilter& filter);

// Splits `ID:sub/path` into id and path; no colon, no path.
std::pair<std::string, std::string> split_snapshot_path(std::string_view text);

}  // namespace lagan
