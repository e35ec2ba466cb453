// SPDX-License-Identifier: Apache-2.0
#pragma once

// Shows new snapshots in a mount, and no longer those that were forgotten: looks every few seconds,
// on a thread of its own.

#include <chrono>
#include <thread>

#include "mount/mount_source.h"
#include "mount/mount_tree.h"

namespace lagan {

class Follower {
 public:
  // Borrows both. What cannot be read goes to the tree's log.
  Follower(MountSource& source, MountTree& tree, std::chrono::milliseconds interval);
  ~Follower();

 private:
  void follow();

  MountSource& source_;
  MountTree& tree_;
  const std::chrono::milliseconds interval_;
  Mutex mutex_;
  Condition stopped_;
  bool is_stopped_ GUARDED_BY(mutex_) = false;
  std::jthread thread_;
};

}  // namespace lagan
