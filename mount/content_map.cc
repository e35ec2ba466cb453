// SPDX-License-Identifier: Apache-2.0
#include "mount/content_map.h"

#include <fmt/format.h>

#include <algorithm>

#include "repo/limits.h"

namespace lagan {
namespace {

// Lists of a thousand slices or less, about a gigabyte of a file, and some: for random access in
// several places.
constexpr std::size_t kNodesKept = 16;
// Reading all of a longer list only to know how much is holes takes too long.
constexpr std::size_t kNodesCounted = 64;

}  // namespace

Result<std::shared_ptr<ContentMap>> ContentMap::open(ChunkSource source, Entry file) {
  const int forms =
      (file.inline_content.empty() ? 0 : 1) + (file.slices.empty() ? 0 : 1) + (file.list ? 1 : 0);
  if (forms > 1) return fail(ErrorCode::corrupt, "entry: more than one content");
  std::shared_ptr<ContentMap> map(new ContentMap(std::move(source), std::move(file)));
  const Entry& entry = map->file_;
  if (entry.list || (forms == 0 && entry.state == EntryState::unreadable)) return map;
  // What a long list holds is checked node by node; this is all in one.
  auto all = std::make_shared<Node>();
  for (const Slice& slice : entry.slices) {
    if (slice.length > limits::kFileBytes - all->end)
      return fail(ErrorCode::corrupt, "entry: longer than a file can be");
    all->end += slice.length;
    all->ends.push_back(all->end);
  }
  if (all->end + entry.inline_content.size() != entry.size) {
    return fail(ErrorCode::corrupt,
                fmt::format("entry: content of {} bytes instead of {}",
                            all->end + entry.inline_content.size(), entry.size));
  }
  all->slices = entry.slices;
  const MutexLock lock(map->mutex_);
  map->nodes_.push_back(std::move(all));
  return map;
}

std::shared_ptr<const ContentMap::Node> ContentMap::kept(std::uint64_t offset,
                                                         std::uint32_t level) {
  const MutexLock lock(mutex_);
  for (const auto& node : nodes_) {
    if (node->level == level && node->begin <= offset && offset < node->end) return node;
  }
  return nullptr;
}

Result<std::shared_ptr<const ContentMap::Node>> ContentMap::load(
    const ChunkId& id, std::uint64_t begin, std::uint64_t length,
    std::optional<std::uint32_t> level) {
  const Bytes bytes = TRY(source_(id, ChunkKind::list));
  ListNode list = TRY_IN(fmt::format("list {}", id.short_hex()), decode_list(bytes));
  if (level && list.level != *level)
    return fail(ErrorCode::corrupt, fmt::format("list {}: on the wrong level", id.short_hex()));
  auto node = std::make_shared<Node>();
  node->begin = node->end = begin;
  node->level = list.level;
  const auto add = [&](std::uint64_t more) {
    if (more > begin + length - node->end) return false;
    node->end += more;
    node->ends.push_back(node->end);
    return true;
  };
  bool fits = true;
  for (const Slice& slice : list.slices) fits = fits && add(slice.length);
  for (const ListChild& child : list.children) fits = fits && add(child.length);
  if (!fits || node->end != begin + length)
    return fail(ErrorCode::corrupt, fmt::format("list {}: of another length", id.short_hex()));
  node->slices = std::move(list.slices);
  node->children = std::move(list.children);
  const MutexLock lock(mutex_);
  if (nodes_.size() == kNodesKept) nodes_.erase(nodes_.begin());
  nodes_.push_back(node);
  return std::shared_ptr<const Node>(node);
}

Result<std::shared_ptr<const ContentMap::Node>> ContentMap::leaf_at(std::uint64_t offset) {
  if (auto leaf = kept(offset, 0)) return leaf;
  if (!file_.list) return fail(ErrorCode::not_found, "could not be read when it was saved");
  auto node = TRY(load(*file_.list, 0, file_.size, {}));
  while (node->level > 0) {
    const auto at =
        static_cast<std::size_t>(std::ranges::upper_bound(node->ends, offset) - node->ends.begin());
    const std::uint64_t begin = at == 0 ? node->begin : node->ends[at - 1];
    auto below = kept(offset, node->level - 1);
    node =
        below ? below
              : TRY(load(node->children[at].id, begin, node->children[at].length, node->level - 1));
  }
  return node;
}

Result<ContentMap::Piece> ContentMap::piece_at(std::uint64_t offset) {
  LAGAN_ASSERT(offset < file_.size);
  const auto leaf = TRY(leaf_at(offset));
  const auto at =
      static_cast<std::size_t>(std::ranges::upper_bound(leaf->ends, offset) - leaf->ends.begin());
  return Piece{at == 0 ? leaf->begin : leaf->ends[at - 1], leaf->ends[at], leaf->slices[at]};
}

Result<std::optional<std::uint64_t>> ContentMap::seek(std::uint64_t offset, Kind kind) {
  const bool is_all_data = !file_.inline_content.empty();
  while (offset < file_.size && !is_all_data) {
    const Piece piece = TRY(piece_at(offset));
    if ((kind == Kind::data) == piece.slice.id.has_value()) return offset;
    offset = piece.end;
  }
  if (kind == Kind::hole) return file_.size;
  if (is_all_data && offset < file_.size) return offset;
  return std::nullopt;
}

Result<std::optional<std::uint64_t>> ContentMap::data_bytes() {
  std::uint64_t bytes = file_.inline_content.size();
  if (bytes > 0) return bytes;
  std::size_t nodes = 0;
  for (std::uint64_t offset = 0; offset < file_.size; ++nodes) {
    if (nodes == kNodesCounted) return std::nullopt;
    const auto leaf = TRY(leaf_at(offset));
    for (const Slice& slice : leaf->slices) bytes += slice.id ? slice.length : 0;
    offset = leaf->end;
  }
  return bytes;
}

}  // namespace lagan
