// SPDX-License-Identifier: Apache-2.0
#include "repo/tree_walk.h"

#include <algorithm>
#include <vector>

#include "repo/limits.h"
#include "repo/tree.h"

namespace lagan {
namespace {

// Keeps what is still to be visited on a stack of its own: a tree may nest deeper than the thread's
// stack goes.
class Walker {
 public:
  Walker(const ChunkSource& source, const ChunkWalk& walk) : source_(source), walk_(walk) {}

  // Chunks come in the order of the tree, a node before what it names.
  Result<void> walk_from(const ChunkId& id, ChunkKind kind) {
    waiting_.push_back({id, kind, "", 0});
    while (!waiting_.empty()) {
      const Visit next = std::move(waiting_.back());
      waiting_.pop_back();
      TRY(visit(next));
    }
    return {};
  }

 private:
  struct Visit {
    ChunkId id;
    ChunkKind kind = ChunkKind::directory;
    std::string path;
    std::size_t depth = 0;  // in folders and in nodes of one
  };

  Result<void> visit(const Visit& at) {
    if (!walk_.is_new(at.id)) return {};
    if (auto done = walk_.each(at.id, at.kind, at.path); !done)
      return walk_.trouble(at.path, std::move(done).error());
    if (at.kind == ChunkKind::data || at.kind == ChunkKind::root_record) return {};
    if (at.depth > limits::kPathDepth * 2)
      return walk_.trouble(at.path, Error{ErrorCode::corrupt, "folders nest too deep"});
    const auto node = source_(at.id, at.kind);
    if (!node) return walk_.trouble(at.path, node.error());
    const auto first = static_cast<std::ptrdiff_t>(waiting_.size());
    TRY(at.kind == ChunkKind::directory ? visit_directory(*node, at) : visit_list(*node, at));
    std::reverse(waiting_.begin() + first, waiting_.end());
    return {};
  }

  Result<void> visit_directory(const Bytes& bytes, const Visit& at) {
    const auto node = decode_directory(bytes);
    if (!node) return walk_.trouble(at.path, node.error());
    for (const DirectoryChild& child : node->children)
      waiting_.push_back({child.id, ChunkKind::directory, at.path, at.depth + 1});
    for (const std::string_view message : node->entries) {
      const auto entry = decode_entry(as_bytes(message));
      if (!entry) {
        TRY(walk_.trouble(at.path, entry.error()));
        continue;
      }
      const std::string below = at.path + "/" + entry->name;
      TRY(for_each_reference(as_bytes(message),
                             [&](const ChunkId& id, ChunkKind kind) -> Result<void> {
                               waiting_.push_back({id, kind, below, at.depth + 1});
                               return {};
                             }));
    }
    return {};
  }

  Result<void> visit_list(const Bytes& bytes, const Visit& at) {
    const auto node = decode_list(bytes);
    if (!node) return walk_.trouble(at.path, node.error());
    for (const ListChild& child : node->children)
      waiting_.push_back({child.id, ChunkKind::list, at.path, at.depth + 1});
    for (const Slice& slice : node->slices) {
      if (slice.id) waiting_.push_back({*slice.id, ChunkKind::data, at.path, at.depth + 1});
    }
    return {};
  }

  const ChunkSource& source_;
  const ChunkWalk& walk_;
  std::vector<Visit> waiting_;
};

}  // namespace

Result<void> walk_chunks(const ChunkSource& source, const Snapshot& snapshot,
                         const ChunkWalk& walk) {
  Walker walker(source, walk);
  if (snapshot.root.id) TRY(walker.walk_from(*snapshot.root.id, ChunkKind::directory));
  if (snapshot.root_record) TRY(walker.walk_from(*snapshot.root_record, ChunkKind::root_record));
  return {};
}

}  // namespace lagan
