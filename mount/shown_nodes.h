// SPDX-License-Identifier: Apache-2.0
#pragma once

// The nodes of a mount that somebody holds references to: where the entry of each lies, which
// folder it is, or of which path it shows the history. Any thread may call anything.

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "mount/node_table.h"
#include "mount/snapshot_folder.h"
#include "util/mutex.h"

namespace lagan {

class ShownNodes {
 public:
  struct Node {
    NodeId parent = 0;  // where it was met
    EntryPlace place;
    std::uint32_t links = 1;
  };

  // An entry of a snapshot; nothing if nobody refers to it.
  std::optional<Node> find(NodeId id) const;
  // The same if it is a folder there.
  std::optional<SnapshotFolder> folder(NodeId id) const;
  // The path whose history it shows.
  std::optional<std::string> history(NodeId id) const;

  // One reference more. What was there stays as it is.
  void refer(NodeId id, const Node& node);
  void refer_folder(const SnapshotFolder& folder, const EntryPlace& place);
  void refer_history(NodeId id, const std::string& path);
  // True if none is left.
  bool forget(NodeId id, std::uint64_t references);

  std::size_t size() const;

 private:
  std::uint32_t new_folder(const SnapshotFolder& folder) REQUIRES(mutex_);

  mutable Mutex mutex_;
  mutable NodeTable nodes_ GUARDED_BY(mutex_);
  std::vector<SnapshotFolder> folders_ GUARDED_BY(mutex_);  // by the `extra` of their nodes
  std::vector<std::uint32_t> free_folders_ GUARDED_BY(mutex_);
  struct HistoryNode {
    std::string path;
    std::uint64_t references = 0;
  };
  std::unordered_map<NodeId, HistoryNode> histories_ GUARDED_BY(mutex_);
};

}  // namespace lagan
