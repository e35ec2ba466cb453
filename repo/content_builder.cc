// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "repo/content.h"
#include "repo/limits.h"
#include "repo/tree.h"
#include "repo/wire.h"

namespace lagan {
namespace {

// These numbers decide ids, so they are part of the format (docs/format.md, "File content").
constexpr std::size_t kSlicesInEntry = 16;
constexpr std::size_t kElementsMin = 64;
constexpr std::size_t kElementsMax = 512;

// One id in 128 ends a node. Holes have none and so cannot.
bool is_border(const std::optional<ChunkId>& id) {
  return id && std::to_integer<int>(id->bytes[0]) <= 1;
}

// A hole has no place in a chunk.
Slice normalized(const Slice& slice) {
  return {.id = slice.id, .offset = slice.id ? slice.offset : 0, .length = slice.length};
}

bool continues(const Slice& before, const Slice& after) {
  if (before.id != after.id) return false;
  return !after.id || before.offset + before.length == after.offset;
}

std::string encode_child(const ListChild& child) {
  std::string message;
  StringWriter out(message);
  out.bytes(1, child.id.span());
  out.u64(2, child.length);
  return message;
}

}  // namespace

ContentBuilder::ContentBuilder(ChunkSink sink) : sink_(std::move(sink)), levels_(1) {}

Result<void> ContentBuilder::add(const Slice& slice) {
  if (slice.length == 0) return {};
  const Slice next = normalized(slice);
  if (pending_ && continues(*pending_, next)) {
    pending_->length += next.length;
    return {};
  }
  if (pending_) TRY(emit(*pending_));
  pending_ = next;
  return {};
}

Result<void> ContentBuilder::finish(Entry& entry) {
  if (pending_) TRY(emit(*std::exchange(pending_, std::nullopt)));
  entry.list.reset();
  entry.slices = std::move(first_);
  if (!spilled_) return {};
  entry.slices.clear();
  // Ending a node may begin the level above, so the number of levels grows on the way.
  for (std::size_t level = 0; level < levels_.size() && !entry.list; ++level) {
    if (levels_[level].elements > 0) TRY(close_node(level));
    if (levels_[level].only) entry.list = levels_[level].only->id;
  }
  return {};
}

Result<void> ContentBuilder::emit(const Slice& slice) {
  if (!spilled_ && first_.size() < kSlicesInEntry) {
    first_.push_back(slice);
    return {};
  }
  if (!std::exchange(spilled_, true))
    for (const Slice& earlier : first_) TRY(append_slice(earlier));
  return append_slice(slice);
}

Result<void> ContentBuilder::append_slice(const Slice& slice) {
  StringWriter out(levels_.front().node);
  write_slice(out, 1, slice);
  return appended(0, slice.id, slice.length);
}

Result<void> ContentBuilder::append_child(std::size_t level, const ListChild& child) {
  StringWriter(levels_[level].node).element(2, encode_child(child));
  return appended(level, child.id, child.length);
}

Result<void> ContentBuilder::appended(std::size_t level, const std::optional<ChunkId>& id,
                                      std::uint64_t length) {
  Level& at = levels_[level];
  ++at.elements;
  at.length_below += length;
  const bool full = at.elements >= kElementsMax;
  if (full || (at.elements >= kElementsMin && is_border(id))) return close_node(level);
  return {};
}

Result<void> ContentBuilder::close_node(std::size_t level) {
  Level& ending = levels_[level];
  StringWriter(ending.node).u64(3, level);
  const ChunkId id = TRY(sink_(ChunkKind::list, as_bytes(ending.node)));
  const ListChild written{id, std::exchange(ending.length_below, 0)};
  ending.node.clear();
  ending.elements = 0;
  if (++ending.nodes_written == 1) {
    ending.only = written;  // the top, unless a second one comes
    return {};
  }
  if (level == limits::kNodeLevel)
    return fail(ErrorCode::invalid_argument, "a file has too many slices");
  const std::optional<ListChild> first = std::exchange(ending.only, std::nullopt);
  if (levels_.size() == level + 1) levels_.emplace_back();  // `ending` is gone now
  if (first) TRY(append_child(level + 1, *first));
  return append_child(level + 1, written);
}

}  // namespace lagan
