// SPDX-License-Identifier: Apache-2.0
#pragma once

// Walks the entries of one directory step by step, for walks of two directories side by side. Holds
// one node per level. What cannot be read is told once and passed over. One thread.

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "repo/tree.h"

namespace lagan {

class DirectoryCursor {
 public:
  // Called with every node that is opened.
  using EachNode = std::function<void(const ChunkId& id, std::size_t size)>;

  // Without `top` the directory is empty. Borrows `source`.
  DirectoryCursor(const ChunkSource& source, const std::optional<ChunkId>& top, EachNode each_node);

  // The entry at the cursor, encoded, borrowed until advance(); nothing at the end. After an error
  // the cursor stands behind the node that could not be read.
  Result<std::optional<std::string_view>> entry();
  void advance();

  // The node that comes next, when the cursor stands before it. Equal nodes of two directories need
  // not be opened, for the same entries are in them.
  struct Unopened {
    ChunkId id;
    std::uint32_t level = 0;
  };
  std::optional<Unopened> unopened();
  void skip();
  Result<void> open();

 private:
  struct Node {
    Bytes bytes;
    DirectoryNode node;  // borrows from `bytes`
    std::size_t at = 0;
    std::size_t size() const { return node.entries.size() + node.children.size(); }
  };
  void leave_finished_nodes();

  const ChunkSource& source_;
  EachNode each_node_;
  std::optional<ChunkId> top_;  // until it is opened or skipped
  std::vector<Node> path_;      // from the top to the cursor
};

}  // namespace lagan
