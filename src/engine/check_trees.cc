// SPDX-License-Identifier: Apache-2.0
#include "src/engine/check_trees.h"

#include <algorithm>

#include "repo/canonical.h"
#include "repo/limits.h"

namespace lagan {
namespace {

std::string path_text(const std::string& path) { return path.empty() ? "/" : path; }

}  // namespace

void TreeCheck::Totals::add(const Totals& other) {
  files += other.files;
  dirs += other.dirs;
  content_bytes += other.content_bytes;
  complete = complete && other.complete;
}

TreeCheck::TreeCheck(const Repository& repository, const LocalIndex& index,
                     const KnownDamage& damage, const std::function<bool()>& is_stopped,
                     TrialRestore& trial, CheckLog& log)
    : index_(index),
      damage_(damage),
      is_stopped_(is_stopped),
      trial_(trial),
      log_(log),
      reader_(repository, index),
      list_source_([this](const ChunkId& id, ChunkKind kind) -> Result<Bytes> {
        Bytes node = TRY(load(id, kind));
        ++nodes_;
        if (!is_canonical_list(node))
          log_.warning("list " + id.hex(), "breaks the canonical form: it is never reused");
        return node;
      }) {
  reader_.follow_moves();
}

Result<void> TreeCheck::check(const StoredSnapshot& stored) {
  snapshot_ = stored.id.short_hex();
  severity_ = stored.verified ? Severity::error : Severity::warning;
  pending_.push_back({stored.snapshot.root, "", 0});
  while (!pending_.empty()) {
    if (is_stopped_()) return fail(ErrorCode::cancelled, "interrupted");
    const Folder folder = std::move(pending_.back());
    pending_.pop_back();
    TRY(check_folder(folder));
  }
  return check_root_record(stored);
}

// Nothing that is restored needs it: it gives a lost snapshot back.
Result<void> TreeCheck::check_root_record(const StoredSnapshot& stored) {
  if (!stored.snapshot.root_record) return {};
  const auto record = load(*stored.snapshot.root_record, ChunkKind::root_record);
  if (!record && ends_check(record.error())) return fail(record.error());
  const auto snapshot = record ? decode_snapshot(*record) : fail(record.error());
  if (!snapshot) {
    // What needs it is only a snapshot that is lost itself.
    const bool is_lost = snapshot.error().code == ErrorCode::not_found;
    log_.add(is_lost ? Severity::warning : severity_, names::snapshot(stored.id).text(),
             "its root record: " + snapshot.error().message);
  } else if (snapshot->root.id != stored.snapshot.root.id) {
    log_.warning(names::snapshot(stored.id).text(), "its root record names another tree");
  }
  return {};
}

void TreeCheck::report(const std::string& path, const std::string& what) {
  log_.add(severity_, fmt::format("{}:{}", snapshot_, path_text(path)), what);
}

// An error names the pack it comes from.
Result<Bytes> TreeCheck::load(const ChunkId& id, ChunkKind kind) {
  const auto location = index_.find(id);
  if (!location) {
    log_.suggest_repair_index();
    return fail(ErrorCode::not_found, fmt::format("chunk {} is in no index", id.hex()));
  }
  const std::string pack = pack_name_of(*location);
  if (const char* trouble = damage_.trouble(id, *location))
    return fail(ErrorCode::corrupt, fmt::format("{} {}", pack, trouble));
  auto chunk = reader_.load(id, kind);
  if (chunk || ends_check(chunk.error())) return chunk;
  log_.broken_pack(pack);
  return fail(std::move(chunk).error().in(pack));
}

Result<void> TreeCheck::check_folder(const Folder& folder) {
  if (!folder.claimed.id) {
    compare(folder, {});
    return {};
  }
  if (const auto known = folders_.find(*folder.claimed.id); known != folders_.end()) {
    compare(folder, known->second);
    return {};
  }
  if (folder.depth > limits::kPathDepth) {
    report(folder.path, "folders nest too deep");
    return {};
  }
  const auto top = TRY(check_node(*folder.claimed.id, folder));
  Totals totals = top ? top->totals : Totals{};
  if (!top) totals.complete = false;
  compare(folder, totals);
  folders_.emplace(*folder.claimed.id, totals);
  return {};
}

// What the entry or snapshot says must be what its directory holds; that of its sub-folders is
// compared for itself.
void TreeCheck::compare(const Folder& folder, const Totals& totals) {
  const Subtree& claimed = folder.claimed;
  if (!totals.complete || (claimed.files == totals.files && claimed.dirs == totals.dirs &&
                           claimed.content_bytes == totals.content_bytes)) {
    return;
  }
  report(folder.path,
         fmt::format("is said to hold {} files, {} folders and {} bytes, and holds {}, {} and {}",
                     claimed.files, claimed.dirs, claimed.content_bytes, totals.files, totals.dirs,
                     totals.content_bytes));
}

// Nothing if the node cannot be read, which is then reported.
Result<std::optional<TreeCheck::Part>> TreeCheck::check_node(const ChunkId& id,
                                                             const Folder& folder) {
  const auto bytes = load(id, ChunkKind::directory);
  if (!bytes && ends_check(bytes.error())) return fail(bytes.error());
  const auto node = bytes ? decode_directory(*bytes) : fail(bytes.error());
  if (!node) {
    report(folder.path, "the folder cannot be read: " + node.error().message);
    return std::nullopt;
  }
  ++nodes_;
  if (!node->canonical) {
    log_.warning(
        fmt::format("{}:{}", snapshot_, path_text(folder.path)),
        fmt::format("directory {} breaks the canonical form: it is never reused", id.short_hex()));
  }
  Part part;
  part.level = node->level;
  for (const std::string_view message : node->entries) TRY(check_entry(message, folder, part));
  part.entries = node->entries.size();
  if (!node->entries.empty()) {
    part.first_name = entry_name(node->entries.front());
    part.last_name = entry_name(node->entries.back());
  }
  TRY(check_children(*node, folder, part));
  return part;
}

Result<void> TreeCheck::check_children(const DirectoryNode& node, const Folder& folder,
                                       Part& part) {
  for (const DirectoryChild& child : node.children) {
    auto known = parts_.find(child.id);
    if (known == parts_.end()) {
      auto checked = TRY(check_node(child.id, folder));
      if (!checked) {
        checked.emplace();
        checked->totals.complete = false;
      }
      known = parts_.emplace(child.id, *std::move(checked)).first;
    }
    const Part& below = known->second;
    const bool is_read = below.entries != 0;
    if (is_read && (below.level + 1 != node.level || below.last_name != child.last_name ||
                    below.entries != child.entries)) {
      report(folder.path, "a part of the folder is not what the part above it says");
    }
    if (is_read && !part.last_name.empty() && below.first_name <= part.last_name)
      report(folder.path, "the folder's names are out of order");
    if (part.first_name.empty()) part.first_name = below.first_name;
    part.last_name = child.last_name;
    part.entries += below.entries;
    part.totals.add(below.totals);
  }
  return {};
}

Result<void> TreeCheck::check_entry(std::string_view message, const Folder& folder, Part& part) {
  auto entry = decode_entry(as_bytes(message));
  if (!entry) {
    part.totals.complete = false;
    report(fmt::format("{}/{}", folder.path, entry_name(message)), entry.error().message);
    return {};
  }
  auto good = check_content(*entry);
  if (!good && ends_check(good.error())) return good;
  if (!good) report(fmt::format("{}/{}", folder.path, entry->name), good.error().message);
  if (entry->kind == EntryKind::directory) {
    const Subtree& below = entry->subtree;
    part.totals.add({below.files, below.dirs + 1, below.content_bytes});
    // Not named before it is due: most folders are found to be known.
    pending_.push_back({below, fmt::format("{}/{}", folder.path, entry->name), folder.depth + 1});
    return {};
  }
  ++files_;
  part.totals.add({1, 0, entry->kind == EntryKind::file ? entry->size : 0});
  if (!good || entry->kind != EntryKind::file || entry->state == EntryState::unreadable) return {};
  if (TrialRestore::File* const drawn = trial_.draw()) {
    *drawn = {fmt::format("{}:{}/{}", snapshot_, folder.path, entry->name), *std::move(entry),
              severity_};
  }
  return {};
}

// The first trouble of an entry stands for all.
Result<void> TreeCheck::check_content(const Entry& entry) {
  const auto each = [this](const Slice& slice) { return check_slice(slice); };
  for (const Xattr& xattr : entry.xattrs) {
    for (const Slice& slice : xattr.slices) TRY_IN("attribute " + xattr.name, each(slice));
  }
  if (entry.kind != EntryKind::file) return {};
  if (entry.list) {
    const auto known = lists_.find(*entry.list);
    if (known != lists_.end() && known->second == entry.size) return {};
  }
  TRY(for_each_slice(list_source_, entry, each));
  if (entry.list) lists_.emplace(*entry.list, entry.size);
  return {};
}

Result<void> TreeCheck::check_slice(const Slice& slice) const {
  if (!slice.id) return {};
  const auto location = index_.find(*slice.id);
  if (!location) {
    log_.suggest_repair_index();
    return fail(ErrorCode::not_found, fmt::format("chunk {} is in no index", slice.id->hex()));
  }
  if (location->kind != ChunkKind::data)
    return fail(ErrorCode::corrupt, fmt::format("chunk {} holds no data", slice.id->hex()));
  if (slice.offset + slice.length > location->chunk_length)
    return fail(ErrorCode::corrupt, fmt::format("chunk {} is too short", slice.id->hex()));
  if (const char* trouble = damage_.trouble(*slice.id, *location))
    return fail(ErrorCode::corrupt, fmt::format("{} {}", pack_name_of(*location), trouble));
  return {};
}

}  // namespace lagan
