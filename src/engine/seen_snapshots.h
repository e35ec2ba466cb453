// SPDX-License-Identifier: Apache-2.0
#pragma once

// The snapshots that this client has seen in a repository, in a file of the cache: a storage that
// loses or hides one is then found out, even where no later snapshot names it as its parent.
// Several processes may write at once; what that loses is noted again next time.

#include <set>
#include <string>

#include "repo/repository.h"

namespace lagan {

class SeenSnapshots {
 public:
  explicit SeenSnapshots(const Repository& repository);

  const std::set<SnapshotId>& all() const { return seen_; }

  // Adds `present`, drops `forgotten`. Failing costs the memory only.
  void update(const std::set<SnapshotId>& present, const std::set<SnapshotId>& forgotten);

  // Without reading what is there: for a backup that has just made one.
  static void note(const Repository& repository, const SnapshotId& id);

 private:
  std::string path_;  // empty: this client keeps nothing
  std::set<SnapshotId> seen_;
};

}  // namespace lagan
