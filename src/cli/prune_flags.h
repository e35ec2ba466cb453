// SPDX-License-Identifier: Apache-2.0
#pragma once

// The flags that `prune` and `forget --prune` share, and what both say at the end.

#include "src/cli/context.h"
#include "src/engine/prune.h"

namespace lagan::cli {

struct PruneFlags {
  std::string max_unused = "5%", max_repack_size, fence_after, undelete_window;
  bool dry_run = false;
  // All but --dry-run, which the commands have anyway.
  void add_to(CLI::App& app);
};

// Runs a collection and prints its summary; a dry run may take some snapshots for forgotten.
Result<void> prune_and_tell(Context& context, const Repository& repository, const PruneFlags& flags,
                            std::set<SnapshotId> as_if_forgotten = {});

}  // namespace lagan::cli
