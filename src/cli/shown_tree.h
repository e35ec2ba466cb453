// SPDX-License-Identifier: Apache-2.0
#pragma once

// The snapshots of a repository as a tree that `mount` and `serve` show, and that follows what
// becomes of them.

#include <memory>
#include <optional>

#include "mount/follower.h"
#include "src/cli/tree_flags.h"

namespace lagan::cli {

class ShownTree {
 public:
  // What is damaged is told on stderr, and by the tree. Borrows the repository.
  static Result<std::unique_ptr<ShownTree>> open(Context& context, const Repository& repository,
                                                 const TreeFlags& flags, MountTreeOptions options);

  MountTree& tree() { return tree_; }
  MountSource& source() { return source_; }
  // "3 snapshots are", for a sentence.
  std::string count_text() const;
  std::size_t count() const { return tree_.snapshots().size(); }

  // From now on what is new shows, and what was forgotten does not; one snapshot alone stays.
  void follow();

 private:
  ShownTree(const Repository& repository, MountSourceOptions source, MountTreeOptions tree,
            std::chrono::milliseconds interval);

  const bool is_single_;
  const std::chrono::milliseconds interval_;
  MountSource source_;
  MountTree tree_;
  std::optional<Follower> follower_;  // the last member: its thread uses the others
};

}  // namespace lagan::cli
