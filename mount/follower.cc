// SPDX-License-Identifier: Apache-2.0
#include "mount/follower.h"

#include <fmt/format.h>

namespace lagan {

Follower::Follower(MountSource& source, MountTree& tree, std::chrono::milliseconds interval)
    : source_(source), tree_(tree), interval_(interval), thread_([this] { follow(); }) {}

Follower::~Follower() {
  const MutexLock lock(mutex_);
  is_stopped_ = true;
  stopped_.notify_all();
}

void Follower::follow() {
  while (true) {
    {
      const MutexLock lock(mutex_);
      const auto until = std::chrono::steady_clock::now() + interval_;
      while (!is_stopped_ && stopped_.wait_until(mutex_, until) != std::cv_status::timeout) {
      }
      if (is_stopped_) return;
    }
    auto look = source_.look();
    if (!look) {
      tree_.note(fmt::format("looking for new snapshots: {}", look.error().message));
      continue;
    }
    if (!*look) continue;
    for (const std::string& damaged : (*look)->damaged) tree_.note(damaged);
    tree_.set_snapshots(std::move((*look)->snapshots));
  }
}

}  // namespace lagan
