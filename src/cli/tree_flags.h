// SPDX-License-Identifier: Apache-2.0
#pragma once

// Flags of commands that show snapshots as a tree: which of them, and how much memory that may
// take.

#include <chrono>
#include <string>

#include "mount/cache_sizes.h"
#include "mount/mount_source.h"
#include "mount/mount_tree.h"
#include "src/cli/context.h"

namespace lagan::cli {

struct TreeFlags {
  std::string snapshot;  // `ID[:PATH]`: this one alone; empty: all of them
  std::string oldest, newest;
  std::string cache_memory = "256M", refresh = "5s";
  SnapshotFlags filter;

  // The snapshot is the next word of the command.
  void add_to(CLI::App& command);
  Result<MountSourceOptions> source_options() const;
  Result<MountTreeOptions> tree_options(const Repository& repository) const;
  // Between two looks for new snapshots.
  Result<std::chrono::milliseconds> interval() const;

 private:
  Result<CacheSizes> cache_sizes() const;
};

// Whoever reads a file must not wait for as long as a backup may, unless somebody said how long.
void shorten_retries(const CLI::App& app, Globals& globals);

}  // namespace lagan::cli
