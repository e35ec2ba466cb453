// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "repo/canonical.h"
#include "repo/content.h"
#include "repo/limits.h"
#include "repo/tree.h"
#include "repo/wire.h"

namespace lagan {
namespace {

void read_child(WireReader& in, ListChild& child) {
  while (in.next()) {
    switch (in.field()) {
      case 1:
        child.id = in.id<ChunkId>();
        break;
      case 2:
        child.length = in.u64();
        break;
      default:
        in.unknown();
    }
  }
  if (!in.saw(1)) in.refuse("a child has no id");
  if (child.length == 0) in.refuse("a child is empty");
}

Result<std::uint64_t> total_length(const ListNode& node) {
  std::uint64_t total = TRY(total_length(node.slices));
  for (const ListChild& child : node.children) {
    if (child.length > limits::kFileBytes - total)
      return fail(ErrorCode::corrupt, "children are longer than a file can be");
    total += child.length;
  }
  return total;
}

class SliceWalk {
 public:
  using Each = std::function<Result<void>(const Slice&)>;

  SliceWalk(const ChunkSource& source, const Each& each) : source_(source), each_(each) {}

  // A node must stand for exactly the bytes that the one above it says; nothing of it is handed out
  // before that is clear.
  Result<void> visit(const ChunkId& id, std::uint64_t length, std::optional<std::uint32_t> level) {
    const ListNode node = TRY_IN(fmt::format("list {}", id.short_hex()), load(id, length, level));
    for (const Slice& slice : node.slices) TRY(each_(slice));
    for (const ListChild& child : node.children) TRY(visit(child.id, child.length, node.level - 1));
    return {};
  }

 private:
  Result<ListNode> load(const ChunkId& id, std::uint64_t length,
                        std::optional<std::uint32_t> level) {
    const Bytes bytes = TRY(source_(id, ChunkKind::list));
    ListNode node = TRY(decode_list(bytes));
    if (level && node.level != *level)
      return fail(ErrorCode::corrupt, fmt::format("on level {} instead of {}", node.level, *level));
    const std::uint64_t total = TRY(total_length(node));
    if (total != length)
      return fail(ErrorCode::corrupt, fmt::format("holds {} bytes instead of {}", total, length));
    return node;
  }

  const ChunkSource& source_;
  const Each& each_;
};

}  // namespace

Result<ListNode> decode_list(ByteSpan node) {
  if (node.size() > limits::kNodeBytes) return fail(ErrorCode::corrupt, "list node: too long");
  ListNode list;
  WireReader in(node);
  while (in.next()) {
    switch (in.field()) {
      case 1:
        in.repeated().message(read_slice, list.slices.emplace_back());
        break;
      case 2:
        in.repeated().message(read_child, list.children.emplace_back());
        break;
      case 3:
        list.level = in.u32();
        break;
      default:
        in.unknown();
    }
  }
  if (list.level > limits::kNodeLevel) in.refuse("a level that no node has");
  if (!list.slices.empty() && list.level != 0) in.refuse("slices above level 0");
  if (!list.children.empty() && list.level == 0) in.refuse("children on level 0");
  TRY(in.status("list node"));
  const bool empty = list.slices.empty() && list.children.empty();
  list.unknown_fields = in.saw_unknown();
  list.canonical = !empty && is_canonical_list(node);
  return list;
}

Result<void> for_each_slice(const ChunkSource& source, const Entry& entry,
                            const std::function<Result<void>(const Slice&)>& each) {
  const int forms = (entry.inline_content.empty() ? 0 : 1) + (entry.slices.empty() ? 0 : 1) +
                    (entry.list ? 1 : 0);
  if (forms > 1) return fail(ErrorCode::corrupt, "entry: more than one content");
  if (forms == 0 && entry.state == EntryState::unreadable) return {};  // the size is all we know
  if (entry.list) return SliceWalk(source, each).visit(*entry.list, entry.size, {});

  const std::uint64_t total = TRY(total_length(entry.slices)) + entry.inline_content.size();
  if (total != entry.size)
    return fail(ErrorCode::corrupt,
                fmt::format("entry: content of {} bytes instead of {}", total, entry.size));
  for (const Slice& slice : entry.slices) TRY(each(slice));
  return {};
}

}  // namespace lagan
