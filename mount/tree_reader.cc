// SPDX-License-Identifier: Apache-2.0
#include "mount/tree_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "repo/parse_directory.h"

namespace lagan {
namespace {

// Of folders' lists of leaves; the rest is for leaves.
constexpr std::size_t kFoldersPart = 4;

std::size_t weight_of(const Leaf& leaf) {
  return sizeof leaf + leaf.bytes.size() + leaf.entries.size() * sizeof(std::string_view) + 128;
}

std::size_t weight_of(const FolderLeaves& folder) {
  std::size_t weight = sizeof folder + 128;
  for (const FolderLeaves::One& one : folder.leaves) weight += sizeof one + one.last_name.size();
  return weight;
}

bool is_damage(const Error& error) {
  return error.code == ErrorCode::corrupt || error.code == ErrorCode::not_found;
}

}  // namespace

TreeReader::TreeReader(ChunkSource source, std::size_t cache_bytes)
    : source_(std::move(source)),
      leaves_(cache_bytes - cache_bytes / kFoldersPart),
      folders_(cache_bytes / kFoldersPart) {}

std::size_t TreeReader::cached_bytes() const {
  const MutexLock lock(mutex_);
  return leaves_.weight() + folders_.weight();
}

LeafNumber TreeReader::number_of(const ChunkId& id) {
  const MutexLock lock(mutex_);
  const auto [it, is_new] = numbers_.try_emplace(id, static_cast<LeafNumber>(ids_.size()));
  if (is_new) ids_.push_back(id);
  return it->second;
}

std::shared_ptr<const Leaf> TreeReader::keep(Leaf leaf) {
  leaf.has_acls = as_text(leaf.bytes).find("system.posix_acl_") != std::string_view::npos;
  auto kept = std::make_shared<const Leaf>(std::move(leaf));
  const MutexLock lock(mutex_);
  leaves_.put(kept->number, kept, weight_of(*kept));
  return kept;
}

Result<std::shared_ptr<const FolderLeaves>> TreeReader::leaves(const ChunkId& folder) {
  {
    const MutexLock lock(mutex_);
    if (const auto* known = folders_.find(folder)) return *known;
  }
  auto found = std::make_shared<FolderLeaves>();
  Bytes bytes = TRY(source_(folder, ChunkKind::directory));
  DirectoryNode node =
      TRY_IN(fmt::format("directory {}", folder.short_hex()), parse_directory(bytes));
  if (node.level == 0) {
    found->leaves.push_back({number_of(folder), {}});
    // Moving the bytes leaves them where the entries point to.
    keep({found->leaves.front().number, std::move(bytes), std::move(node.entries), false});
  } else {
    std::string reached;
    TRY(collect(folder, node, *found, reached));
  }
  const MutexLock lock(mutex_);
  // What is missing now may be there when the index has been read anew.
  if (found->trouble.empty()) folders_.put(folder, found, weight_of(*found));
  return std::shared_ptr<const FolderLeaves>(found);
}

// A child must lie behind all before it, so that no forged node stands for endlessly many leaves
// (repo/directory.cc).
Result<void> TreeReader::collect(const ChunkId& id, const DirectoryNode& node, FolderLeaves& into,
                                 std::string& reached) {
  for (const DirectoryChild& child : node.children) {
    if (child.last_name <= reached) {
      into.trouble.push_back(
          {ErrorCode::corrupt, fmt::format("directory {}: children out of order", id.short_hex())});
      continue;
    }
    if (node.level == 1) {
      into.leaves.push_back({number_of(child.id), child.last_name});
    } else {
      const auto bytes = source_(child.id, ChunkKind::directory);
      const auto below = bytes ? parse_directory(*bytes) : fail(bytes.error());
      if (!below) {
        if (!is_damage(below.error())) return fail(below.error());
        into.trouble.push_back(below.error());
      } else if (below->level + 1 != node.level) {
        into.trouble.push_back({ErrorCode::corrupt, fmt::format("directory {}: on the wrong level",
                                                                child.id.short_hex())});
      } else {
        TRY(collect(child.id, *below, into, reached));
      }
    }
    reached = child.last_name;
  }
  return {};
}

Result<std::shared_ptr<const Leaf>> TreeReader::leaf(LeafNumber number) {
  {
    const MutexLock lock(mutex_);
    if (const auto* known = leaves_.find(number)) return *known;
  }
  return load_leaf(number);
}

Result<std::shared_ptr<const Leaf>> TreeReader::load_leaf(LeafNumber number) {
  ChunkId id;
  {
    const MutexLock lock(mutex_);
    LAGAN_ASSERT(number < ids_.size());
    id = ids_[number];
  }
  Leaf leaf{number, TRY(source_(id, ChunkKind::directory)), {}, false};
  DirectoryNode node =
      TRY_IN(fmt::format("directory {}", id.short_hex()), parse_directory(leaf.bytes));
  if (node.level != 0) {
    return fail(ErrorCode::corrupt,
                fmt::format("directory {}: on level {} instead of 0", id.short_hex(), node.level));
  }
  leaf.entries = std::move(node.entries);
  return keep(std::move(leaf));
}

Result<std::shared_ptr<const Leaf>> TreeReader::leaf(const FolderLeaves::One& one) {
  auto loaded = TRY(leaf(one.number));
  if (one.last_name.empty()) return loaded;
  if (loaded->entries.empty() || entry_name(loaded->entries.back()) != one.last_name)
    return fail(ErrorCode::corrupt, "directory: not what its parent says");
  return loaded;
}

Result<Entry> TreeReader::entry_at(const EntryPlace& place) {
  const auto found = TRY(leaf(place.leaf));
  if (place.ordinal >= found->entries.size())
    return fail(ErrorCode::internal, "an entry is not where it was");
  return decode_entry(as_bytes(found->entries[place.ordinal]));
}

Result<std::optional<FoundEntry>> TreeReader::find(const ChunkId& folder, std::string_view name) {
  const auto all = TRY(leaves(folder));
  // They ascend; the only one of a small folder tells no last name.
  const bool is_only = all->leaves.size() == 1 && all->leaves.front().last_name.empty();
  const auto one = is_only ? all->leaves.begin()
                           : std::ranges::lower_bound(all->leaves, name, {}, [](const auto& each) {
                               return std::string_view(each.last_name);
                             });
  if (one == all->leaves.end()) {
    if (!all->trouble.empty()) return fail(all->trouble.front());
    return std::nullopt;
  }
  const auto found = TRY(leaf(*one));
  for (std::uint32_t i = 0; i < found->entries.size(); ++i) {
    if (entry_name(found->entries[i]) != name) continue;
    auto entry = decode_entry(as_bytes(found->entries[i]));
    if (!entry) {
      if (is_damage(entry.error())) continue;
      return fail(entry.error());
    }
    if (entry->name == name && is_known_kind(*entry))
      return FoundEntry{{found->number, i}, *std::move(entry)};
  }
  return std::nullopt;
}

}  // namespace lagan
