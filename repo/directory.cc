// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "repo/canonical.h"
#include "repo/limits.h"
#include "repo/parse_directory.h"
#include "repo/tree.h"
#include "repo/wire.h"

namespace lagan {
namespace {

void read_child(WireReader& in, DirectoryChild& child) {
  while (in.next()) {
    switch (in.field()) {
      case 1:
        child.last_name = in.text();
        break;
      case 2:
        child.id = in.id<ChunkId>();
        break;
      case 3:
        child.entries = in.u64();
        break;
      default:
        in.unknown();
    }
  }
  if (!in.saw_all({1, 2})) in.refuse("a child has no name or no id");
}

// A node and the bytes that its entries are borrowed from.
struct LoadedNode {
  Bytes bytes;
  DirectoryNode node;
};

Result<LoadedNode> load(const ChunkSource& source, const ChunkId& id,
                        std::optional<std::uint32_t> level) {
  LoadedNode loaded;
  loaded.bytes = TRY(source(id, ChunkKind::directory));
  loaded.node = TRY_IN(fmt::format("directory {}", id.short_hex()), parse_directory(loaded.bytes));
  if (level && loaded.node.level != *level)
    return fail(ErrorCode::corrupt, fmt::format("directory {}: on level {} instead of {}",
                                                id.short_hex(), loaded.node.level, *level));
  return loaded;
}

// A walk over all leaves of one directory. What is damaged is passed over, so that the rest can be
// restored; the first such error is told at the end.
class EntryWalk {
 public:
  using Each = std::function<Result<void>(std::string_view)>;

  EntryWalk(const ChunkSource& source, const Each& each) : source_(source), each_(each) {}

  Result<void> run(const ChunkId& top) {
    const LoadedNode loaded = TRY(load(source_, top, {}));
    TRY(visit(loaded.node));
    if (first_error_) return fail(*first_error_);
    return {};
  }

 private:
  Result<void> visit(const DirectoryNode& node) {
    for (const std::string_view entry : node.entries) TRY(each_(entry));
    for (const DirectoryChild& child : node.children) TRY(descend(child, node.level - 1));
    return {};
  }

  // A child must lie behind all before it, and end with the name its parent claims. So no node is
  // walked twice, and a small forged tree cannot stand for endlessly many entries.
  Result<void> descend(const DirectoryChild& child, std::uint32_t level) {
    if (reached_ && child.last_name <= *reached_)
      return pass_over({.code = ErrorCode::corrupt, .message = "directory: children out of order"});
    auto loaded = load_child(child, level);
    TRY(loaded ? visit(loaded->node) : pass_over(std::move(loaded).error()));
    reached_ = child.last_name;
    return {};
  }

  // Trouble with the storage is not passed over: it would meet every node.
  Result<void> pass_over(Error error) {
    if (error.code != ErrorCode::corrupt && error.code != ErrorCode::not_found)
      return fail(std::move(error));
    if (!first_error_) first_error_ = std::move(error);
    return {};
  }

  Result<LoadedNode> load_child(const DirectoryChild& child, std::uint32_t level) {
    LoadedNode loaded = TRY(load(source_, child.id, level));
    if (last_name(loaded.node) != child.last_name)
      return fail(ErrorCode::corrupt,
                  fmt::format("directory {}: not what its parent says", child.id.short_hex()));
    return loaded;
  }

  static std::string_view last_name(const DirectoryNode& node) {
    if (!node.entries.empty()) return entry_name(node.entries.back());
    if (!node.children.empty()) return node.children.back().last_name;
    return {};
  }

  const ChunkSource& source_;
  const Each& each_;
  std::optional<std::string> reached_;  // the last name of the last child
  std::optional<Error> first_error_;
};

// The child that must hold `name`: the first that does not end before it.
Result<const DirectoryChild*> choose(const std::vector<DirectoryChild>& children,
                                     std::string_view name) {
  const DirectoryChild* chosen = nullptr;
  const DirectoryChild* previous = nullptr;
  for (const DirectoryChild& child : children) {
    if (previous != nullptr && child.last_name <= previous->last_name)
      return fail(ErrorCode::corrupt, "directory: children out of order");
    if (chosen == nullptr && child.last_name >= name) chosen = &child;
    previous = &child;
  }
  return chosen;
}

Result<std::optional<Entry>> find_in_leaf(const DirectoryNode& leaf, std::string_view name) {
  for (const std::string_view encoded : leaf.entries) {
    if (entry_name(encoded) != name) continue;
    Entry entry = TRY(decode_entry(as_bytes(encoded)));
    if (entry.name == name) return entry;
  }
  return std::nullopt;
}

}  // namespace

Result<DirectoryNode> parse_directory(ByteSpan node) {
  if (node.size() > limits::kNodeBytes) return fail(ErrorCode::corrupt, "directory node: too long");
  DirectoryNode directory;
  WireReader in(node);
  while (in.next()) {
    switch (in.field()) {
      case 1:
        directory.entries.push_back(in.repeated().bytes());
        break;
      case 2:
        in.repeated().message(read_child, directory.children.emplace_back());
        break;
      case 3:
        directory.level = in.u32();
        break;
      default:
        in.unknown();
    }
  }
  if (directory.level > limits::kNodeLevel) in.refuse("a level that no node has");
  if (!directory.entries.empty() && directory.level != 0) in.refuse("entries above level 0");
  if (!directory.children.empty() && directory.level == 0) in.refuse("children on level 0");
  TRY(in.status("directory node"));
  directory.unknown_fields = in.saw_unknown();
  return directory;
}

Result<DirectoryNode> decode_directory(ByteSpan node) {
  DirectoryNode directory = TRY(parse_directory(node));
  const bool empty = directory.entries.empty() && directory.children.empty();
  directory.canonical = !empty && is_canonical_directory(node);
  return directory;
}

Result<void> for_each_entry(
    const ChunkSource& source, const ChunkId& id,
    const std::function<Result<void>(std::string_view encoded_entry)>& each) {
  return EntryWalk(source, each).run(id);
}

Result<std::optional<Entry>> find_entry(const ChunkSource& source, const ChunkId& id,
                                        std::string_view name) {
  ChunkId at = id;
  std::optional<std::uint32_t> level;
  while (true) {
    const LoadedNode loaded = TRY(load(source, at, level));
    if (loaded.node.level == 0) return find_in_leaf(loaded.node, name);
    const DirectoryChild* child = TRY(choose(loaded.node.children, name));
    if (child == nullptr) return std::nullopt;
    at = child->id;
    level = loaded.node.level - 1;
  }
}

}  // namespace lagan
