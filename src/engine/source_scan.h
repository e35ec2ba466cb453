// SPDX-License-Identifier: Apache-2.0
#pragma once

// Counts the files and bytes of the source on a thread of its own, ahead of the backup, so that its
// end can be foretold. What it cannot read it passes over: the backup itself reports that.

#include <string>
#include <thread>
#include <vector>

#include "src/engine/filter.h"
#include "src/engine/observer.h"
#include "src/engine/walker.h"

namespace lagan {

class SourceScan {
 public:
  // Starts. `targets` are as the Walker has them. Sets the totals of `progress` when all is
  // counted. `filter` and `progress` outlive it.
  SourceScan(std::vector<WalkTarget> targets, const Filter& filter, Progress& progress);

 private:
  struct Totals {
    std::uint64_t files = 0, bytes = 0;
  };
  struct Folder {
    int descriptor = -1;
    std::uint64_t device = 0;
    const FolderRules& rules;
  };
  void count(const Folder& parent, const std::string& name, const std::string& path, bool is_target,
             const std::stop_token& stop);

  const Filter& filter_;
  Totals totals_;
  std::vector<std::jthread> thread_;  // one or none; last: stopped and joined before the rest goes
};

}  // namespace lagan
