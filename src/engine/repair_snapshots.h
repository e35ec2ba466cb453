// SPDX-License-Identifier: Apache-2.0
#pragma once

// Snapshots whose trees or contents lack chunks: for each a new one is put that does without what
// is lost, with `original` set and the tag "repaired". The broken one stays, or is forgotten if
// that is asked for. What can be had back by a backup or from packs should be had back first.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "repo/snapshots.h"

namespace lagan {

struct RepairSnapshotsOptions {
  // As find_snapshot takes them; none: all.
  std::vector<std::string> snapshots = {};
  SnapshotFilter filter = {};
  bool forget = false;
  bool carry_out = false;
  std::function<bool()> is_stopped = [] { return false; };
};

struct BrokenSnapshot {
  SnapshotId id;
  std::vector<std::string> losses = {};  // "path: what"
  bool is_lost = false;                  // nothing of it is left
  // The one that does without, put now or by an earlier run.
  std::optional<SnapshotId> repaired = std::nullopt;
  bool is_forgotten = false;  // now
};

struct RepairSnapshotsResult {
  std::uint64_t snapshots = 0;          // looked at
  std::vector<BrokenSnapshot> broken;   // by time
  std::vector<std::string> unreadable;  // objects that cannot be read, with reasons: 'recover'
};

// Looks, and with `carry_out` also does it.
Result<RepairSnapshotsResult> repair_snapshots(const Repository& repository,
                                               const RepairSnapshotsOptions& options);

}  // namespace lagan
