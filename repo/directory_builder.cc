// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "repo/limits.h"
#include "repo/tree.h"
#include "repo/wire.h"

namespace lagan {
namespace {

// These numbers decide ids, so they are part of the format (docs/format.md, "Directories").
constexpr std::size_t kElementsMin = 64;
constexpr std::size_t kElementsMax = 1024;
constexpr std::size_t kNodeBytes = 256 * limits::kKiB;

// One name in 256 ends a node; every level asks other bits, so that the levels are independent.
bool is_border(std::uint64_t name_hash, std::size_t level) {
  return (name_hash >> (8 * level) & 0xff) == 0;
}

std::string encode_child(const DirectoryChild& child) {
  std::string message;
  message.reserve(64 + child.last_name.size());
  StringWriter out(message);
  out.bytes(1, child.last_name);
  out.bytes(2, child.id.span());
  out.u64(3, child.entries);
  return message;
}

// The level field comes last in a node, when it ends, but counts from the start.
std::size_t level_field_size(std::size_t level) { return level == 0 ? 0 : 1 + varint_size(level); }

}  // namespace

DirectoryBuilder::DirectoryBuilder(const PrfKey& split_key, ChunkSink sink)
    : split_key_(split_key), sink_(std::move(sink)), levels_(1) {}

Result<void> DirectoryBuilder::add(std::string_view name, std::string_view encoded_entry) {
  if (!is_valid_entry_name(name))
    return fail(ErrorCode::invalid_argument, "a directory cannot hold this name");
  if (encoded_entry.size() > limits::kEntryBytes)
    return fail(ErrorCode::invalid_argument, "an entry is too long for a directory");
  const Level& leaves = levels_.front();
  const bool first = leaves.elements == 0 && leaves.nodes_written == 0;
  if (!first && name <= last_name_)
    return fail(ErrorCode::invalid_argument, "names of a directory must ascend");
  last_name_ = name;
  return append(0, name, encoded_entry, 1);
}

Result<std::optional<ChunkId>> DirectoryBuilder::finish() {
  // Ending a node may begin the level above, so the number of levels grows on the way.
  for (std::size_t level = 0; level < levels_.size(); ++level) {
    if (levels_[level].elements > 0) TRY(close_node(level));
    if (levels_[level].only) return levels_[level].only->id;
  }
  return std::nullopt;
}

Result<void> DirectoryBuilder::append(std::size_t level, std::string_view name,
                                      std::string_view element, std::uint64_t entries) {
  Level& at = levels_[level];
  StringWriter(at.node).element(level == 0 ? 1 : 2, element);
  ++at.elements;
  at.entries_below += entries;
  at.last_name = name;
  const bool full =
      at.elements >= kElementsMax || at.node.size() + level_field_size(level) >= kNodeBytes;
  const bool split =
      at.elements >= kElementsMin && is_border(siphash24(split_key_, as_bytes(name)), level);
  if (full || split) return close_node(level);
  return {};
}

Result<void> DirectoryBuilder::close_node(std::size_t level) {
  Level& ending = levels_[level];
  StringWriter(ending.node).u64(3, level);
  const ChunkId id = TRY(sink_(ChunkKind::directory, as_bytes(ending.node)));
  DirectoryChild written{std::exchange(ending.last_name, {}), id,
                         std::exchange(ending.entries_below, 0)};
  ending.node.clear();
  ending.elements = 0;
  if (++ending.nodes_written == 1) {
    ending.only = std::move(written);  // the top, unless a second one comes
    return {};
  }
  if (level == limits::kNodeLevel)
    return fail(ErrorCode::invalid_argument, "a directory has too many entries");
  const std::optional<DirectoryChild> first = std::exchange(ending.only, std::nullopt);
  if (levels_.size() == level + 1) levels_.emplace_back();  // `ending` is gone now
  if (first) TRY(append(level + 1, first->last_name, encode_child(*first), first->entries));
  return append(level + 1, written.last_name, encode_child(written), written.entries);
}

}  // namespace lagan
