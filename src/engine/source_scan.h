// SPDX-License-Identifier: Apache-2.0
#pragma once

// Counts the files and bytes of the source on a thread of its own, ahead of the backup, so that its
// end can be foretold. What it cannot read it passes over: the backup itself reports that.

#include <string>
#include <thread>
#include <vector>

#include "src/engine/filter.h"
#include "src/engine/observer.h"

namespace lagan {

class SourceScan {
 public:
  // Starts. `targets` are absolute and normalised. Sets the totals of `progress` when all is
  // counted. `filter` and `progress` outlive it.
  SourceScan(std::vector<std::string> targets, const Filter& filter, bool one_file_system,
             Progress& progress);

 private:
  struct Totals {
    std::uint64_t files = 0, bytes = 0;
  };
  void count(int parent, const std::string& name, const std::string& path, bool is_target,
             const std::stop_token& stop);

  const Filter& filter_;
  const bool one_file_system_;
  std::uint64_t device_ = 0;
  Totals totals_;
  std::jthread thread_;  // last: stopped and joined before the rest goes
};

}  // namespace lagan
