// SPDX-License-Identifier: Apache-2.0
#pragma once

// Lost snapshots, from what is in the tree packs: backups leave a copy of what they put, a root
// record. And folders that no snapshot and no other folder names, for what was above them is lost:
// they are put into a snapshot of their own.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "repo/snapshots.h"

namespace lagan {

struct RecoverOptions {
  // Beginnings of ids: these too if they were forgotten or never finished; none: all that were
  // lost.
  std::vector<std::string> snapshots = {};
  bool carry_out = false;
  std::function<bool()> is_stopped = [] { return false; };
};

struct RecoveredSnapshot {
  enum class Fate { lost, forgotten, unfinished };  // the last two are only offered
  SnapshotId id;
  Snapshot snapshot;
  Fate fate = Fate::lost;
  bool is_chosen = false;
  std::vector<std::string> losses = {};             // "path: what"
  std::optional<SnapshotId> put_as = std::nullopt;  // once it is
};

struct RecoverResult {
  std::vector<RecoveredSnapshot> snapshots;  // by time
  std::uint64_t folders = 0;                 // that nothing names
  std::optional<SnapshotId> folders_put_as;
  std::vector<std::string> unreadable;  // root records and tree nodes, with reasons
};

// Looks, and with `carry_out` also does it.
Result<RecoverResult> recover(const Repository& repository, const RecoverOptions& options);

}  // namespace lagan
