// SPDX-License-Identifier: Apache-2.0
#include "src/engine/tree_path.h"

#include "repo/limits.h"

namespace lagan {

Result<Entry> entry_at(const ChunkSource& source, const Snapshot& snapshot, std::string_view path) {
  Entry at;
  at.kind = EntryKind::directory;
  at.mode = 0755;
  at.subtree = snapshot.root;
  const auto missing = [&] {
    return fail(ErrorCode::not_found, "there is no '" + std::string(path) + "' in the snapshot");
  };
  std::string_view rest = path;
  while (!rest.empty()) {
    const std::size_t slash = rest.find('/');
    const std::string_view name = rest.substr(0, slash);
    rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
    if (name.empty() || name == ".") continue;
    if (at.kind != EntryKind::directory || !at.subtree.id) return missing();
    auto found = TRY(find_entry(source, *at.subtree.id, name));
    if (!found) return missing();
    at = *std::move(found);
  }
  return at;
}

Result<void> visit_tree(const ChunkSource& source, const Subtree& subtree, const std::string& path,
                        const TreeVisitor& visitor, std::size_t depth) {
  if (!subtree.id) return {};
  if (depth > limits::kPathDepth) {
    visitor.trouble(path, Error{ErrorCode::corrupt, "folders nest too deep", Retry::never, {}});
    return {};
  }
  // An error of `each` ends the walk; an error of reading only this folder.
  std::optional<Error> stopped;
  auto walked = for_each_entry(source, *subtree.id, [&](std::string_view message) -> Result<void> {
    auto entry = decode_entry(as_bytes(message));
    if (!entry) {
      visitor.trouble(path, entry.error());
      return {};
    }
    const std::string below = path + "/" + entry->name;
    auto descend = visitor.each(below, *entry);
    if (descend && *descend && entry->kind == EntryKind::directory) {
      auto visited = visit_tree(source, entry->subtree, below, visitor, depth + 1);
      if (!visited) descend = fail(std::move(visited).error());
    }
    if (descend) return {};
    stopped = descend.error();
    return fail(std::move(descend).error());
  });
  if (stopped) return fail(*std::move(stopped));
  if (!walked) visitor.trouble(path.empty() ? "/" : path, walked.error());
  return {};
}

}  // namespace lagan
