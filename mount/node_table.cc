// SPDX-License-Identifier: Apache-2.0
#include "mount/node_table.h"

#include <limits>

namespace lagan {

NodeTable::Node* NodeTable::find(NodeId id) {
  for (std::size_t at = home_of(id); nodes_[at].id != 0; at = next(at)) {
    if (nodes_[at].id == id) return &nodes_[at];
  }
  return nullptr;
}

NodeTable::Node& NodeTable::add(NodeId id, bool& is_new) {
  Node* node = find(id);
  is_new = node == nullptr;
  if (is_new) {
    // Ids are hashes: at three quarters a search still ends after a few places.
    if ((size_ + 1) * 4 > nodes_.size() * 3) resize(nodes_.size() * 2);
    std::size_t at = home_of(id);
    while (nodes_[at].id != 0) at = next(at);
    node = &nodes_[at];
    *node = {.id = id, .parent = 0, .place = {}, .references = 0, .extra = 0};
    ++size_;
  }
  // One that was handed out so often is never forgotten.
  if (node->references != std::numeric_limits<std::uint32_t>::max()) ++node->references;
  return *node;
}

void NodeTable::erase(NodeId id) {
  const Node* found = find(id);
  if (found == nullptr) return;
  auto hole = static_cast<std::size_t>(found - nodes_.data());
  // What lies behind moves up, unless it would come before its home.
  for (std::size_t at = next(hole); nodes_[at].id != 0; at = next(at)) {
    const std::size_t home = home_of(nodes_[at].id);
    const bool is_behind_home = hole <= at ? home <= hole || home > at : home <= hole && home > at;
    if (!is_behind_home) continue;
    nodes_[hole] = nodes_[at];
    hole = at;
  }
  nodes_[hole] = {};
  --size_;
  if (nodes_.size() > 1024 && size_ * 8 < nodes_.size()) resize(nodes_.size() / 2);
}

void NodeTable::resize(std::size_t places) {
  std::vector<Node> old(places);
  old.swap(nodes_);
  for (const Node& node : old) {
    if (node.id == 0) continue;
    std::size_t at = home_of(node.id);
    while (nodes_[at].id != 0) at = next(at);
    nodes_[at] = node;
  }
}

}  // namespace lagan
