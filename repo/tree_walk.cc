// SPDX-License-Identifier: Apache-2.0
#include "repo/tree_walk.h"

#include "repo/limits.h"
#include "repo/tree.h"

namespace lagan {
namespace {

class Walker {
 public:
  Walker(const ChunkSource& source, std::unordered_set<ChunkId>& seen, const ChunkWalk& walk)
      : source_(source), seen_(seen), walk_(walk) {}

  Result<void> visit(const ChunkId& id, ChunkKind kind, const std::string& path,
                     std::size_t depth) {
    if (!seen_.insert(id).second) return {};
    if (auto done = walk_.each(id, kind, path); !done)
      return walk_.trouble(path, std::move(done).error());
    if (kind == ChunkKind::data || kind == ChunkKind::root_record) return {};
    if (depth > limits::kPathDepth * 2)
      return walk_.trouble(path, Error{ErrorCode::corrupt, "folders nest too deep"});
    const auto node = source_(id, kind);
    if (!node) return walk_.trouble(path, node.error());
    return kind == ChunkKind::directory ? visit_directory(*node, path, depth)
                                        : visit_list(*node, path, depth);
  }

 private:
  Result<void> visit_directory(const Bytes& bytes, const std::string& path, std::size_t depth) {
    const auto node = decode_directory(bytes);
    if (!node) return walk_.trouble(path, node.error());
    for (const DirectoryChild& child : node->children) {
      TRY(visit(child.id, ChunkKind::directory, path, depth + 1));
    }
    for (const std::string_view message : node->entries) {
      const auto entry = decode_entry(as_bytes(message));
      if (!entry) {
        TRY(walk_.trouble(path, entry.error()));
        continue;
      }
      const std::string below = path + "/" + entry->name;
      const auto visit_reference = [&](const ChunkId& id, ChunkKind kind) {
        return visit(id, kind, below, depth + 1);
      };
      TRY(for_each_reference(as_bytes(message), visit_reference));
    }
    return {};
  }

  Result<void> visit_list(const Bytes& bytes, const std::string& path, std::size_t depth) {
    const auto node = decode_list(bytes);
    if (!node) return walk_.trouble(path, node.error());
    for (const ListChild& child : node->children)
      TRY(visit(child.id, ChunkKind::list, path, depth + 1));
    for (const Slice& slice : node->slices) {
      if (slice.id) TRY(visit(*slice.id, ChunkKind::data, path, depth + 1));
    }
    return {};
  }

  const ChunkSource& source_;
  std::unordered_set<ChunkId>& seen_;
  const ChunkWalk& walk_;
};

}  // namespace

Result<void> walk_chunks(const ChunkSource& source, const Snapshot& snapshot,
                         std::unordered_set<ChunkId>& seen, const ChunkWalk& walk) {
  Walker walker(source, seen, walk);
  if (snapshot.root.id) TRY(walker.visit(*snapshot.root.id, ChunkKind::directory, "", 0));
  if (snapshot.root_record) TRY(walker.visit(*snapshot.root_record, ChunkKind::root_record, "", 0));
  return {};
}

}  // namespace lagan
