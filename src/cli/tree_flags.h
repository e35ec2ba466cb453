// SPDX-License-Identifier: Apache-2.0
#pragma once

// Flags of commands that show snapshots as a tree: which of them, and how much memory that may
// take.

#include <chrono>
#include <string>

#include "mount/mount_source.h"
#include "mount/mount_tree.h"
#include "src/cli/context.h"

namespace lagan::cli {

struct TreeFlags {
  std::string oldest, newest;
  std::string cache_memory = "256M", refresh = "5s";
  SnapshotFlags filter;

  void add_to(CLI::App& command);
  Result<MountSourceOptions> source_options() const;
  Result<MountTreeOptions> tree_options(const Repository& repository) const;
  // Between two looks for new snapshots.
  Result<std::chrono::milliseconds> interval() const;
};

}  // namespace lagan::cli
