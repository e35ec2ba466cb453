// SPDX-License-Identifier: Apache-2.0
#include "mount/shown_nodes.h"

#include <algorithm>

namespace lagan {
namespace {

// A node's `extra` is the number of its folder, or how many links a file has.
constexpr std::uint32_t kIsFolder = std::uint32_t{1} << 31;
// A count that has come so far no longer moves.
constexpr std::uint32_t kReferencesMax = 0xffff'ffff;

}  // namespace

std::optional<ShownNodes::Node> ShownNodes::find(NodeId id) const {
  const MutexLock lock(mutex_);
  const NodeTable::Node* node = nodes_.find(id);
  if (node == nullptr) return std::nullopt;
  return Node{node->parent, node->place, (node->extra & kIsFolder) != 0 ? 1 : node->extra};
}

std::optional<SnapshotFolder> ShownNodes::folder(NodeId id) const {
  const MutexLock lock(mutex_);
  const NodeTable::Node* node = nodes_.find(id);
  if (node == nullptr || (node->extra & kIsFolder) == 0) return std::nullopt;
  return folders_[node->extra & ~kIsFolder];
}

std::optional<std::string> ShownNodes::history(NodeId id) const {
  const MutexLock lock(mutex_);
  const auto it = histories_.find(id);
  if (it == histories_.end()) return std::nullopt;
  return it->second.path;
}

void ShownNodes::refer(NodeId id, const Node& node) {
  const MutexLock lock(mutex_);
  bool is_new = false;
  NodeTable::Node& kept = nodes_.add(id, is_new);
  if (!is_new) return;
  kept.parent = node.parent;
  kept.place = node.place;
  kept.extra = node.links;
}

void ShownNodes::refer_folder(const SnapshotFolder& folder, const EntryPlace& place) {
  const MutexLock lock(mutex_);
  bool is_new = false;
  NodeTable::Node& kept = nodes_.add(folder.id, is_new);
  if (!is_new) return;
  kept.parent = folder.parent;
  kept.place = place;
  kept.extra = kIsFolder | new_folder(folder);
}

std::uint32_t ShownNodes::new_folder(const SnapshotFolder& folder) {
  if (free_folders_.empty()) {
    folders_.push_back(folder);
    return static_cast<std::uint32_t>(folders_.size() - 1);
  }
  const std::uint32_t number = free_folders_.back();
  free_folders_.pop_back();
  folders_[number] = folder;
  return number;
}

void ShownNodes::refer_history(NodeId id, const std::string& path) {
  const MutexLock lock(mutex_);
  HistoryNode& node = histories_[id];
  node.path = path;
  ++node.references;
}

bool ShownNodes::forget(NodeId id, std::uint64_t references) {
  const MutexLock lock(mutex_);
  if (const auto it = histories_.find(id); it != histories_.end()) {
    it->second.references -= std::min(it->second.references, references);
    if (it->second.references > 0) return false;
    histories_.erase(it);
    return true;
  }
  NodeTable::Node* node = nodes_.find(id);
  if (node == nullptr || node->references == kReferencesMax) return false;
  if (node->references > references) {
    node->references -= static_cast<std::uint32_t>(references);
    return false;
  }
  if ((node->extra & kIsFolder) != 0) free_folders_.push_back(node->extra & ~kIsFolder);
  nodes_.erase(id);
  return true;
}

std::size_t ShownNodes::size() const {
  const MutexLock lock(mutex_);
  return nodes_.size() + histories_.size();
}

}  // namespace lagan
