// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the kernel has asked for and may ask for again by number: for each node where its entry
// lies, and how often it was handed out. Hundreds of thousands are usual, so each takes 32 bytes,
// in an open table. Its owner locks.

#include <cstdint>
#include <vector>

#include "mount/numbers.h"
#include "mount/tree_reader.h"

namespace lagan {

class NodeTable {
 public:
  struct Node {
    NodeId id = 0;      // 0: an empty place
    NodeId parent = 0;  // where it was met
    EntryPlace place;
    std::uint32_t references = 0;
    std::uint32_t extra = 0;  // the owner's
  };

  // Null if it is not there. Valid until the next change.
  Node* find(NodeId id);
  // The node, with one reference more; a new one has none before, and `is_new` is set.
  Node& add(NodeId id, bool& is_new);
  void erase(NodeId id);
  std::size_t size() const { return size_; }

 private:
  std::size_t home_of(NodeId id) const { return id & (nodes_.size() - 1); }
  std::size_t next(std::size_t at) const { return (at + 1) & (nodes_.size() - 1); }
  void resize(std::size_t places);

  std::vector<Node> nodes_ = std::vector<Node>(1024);  // a power of two; linear probing
  std::size_t size_ = 0;
};

}  // namespace lagan
