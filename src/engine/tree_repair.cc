// SPDX-License-Identifier: Apache-2.0
#include "src/engine/tree_repair.h"

#include <fmt/format.h>

#include <algorithm>

#include "repo/limits.h"

namespace lagan {

bool is_loss(const Error& error) {
  return error.code == ErrorCode::corrupt || error.code == ErrorCode::not_found ||
         error.code == ErrorCode::io || error.code == ErrorCode::unsupported;
}

namespace {

// Nothing if that is more than a file can have.
std::optional<std::uint64_t> length_of(const ListNode& node) {
  std::uint64_t total = 0;
  const auto add = [&](std::uint64_t length) {
    const bool fits = length <= limits::kFileBytes - total;
    if (fits) total += length;
    return fits;
  };
  for (const Slice& slice : node.slices) {
    if (!add(slice.length)) return std::nullopt;
  }
  for (const ListChild& child : node.children) {
    if (!add(child.length)) return std::nullopt;
  }
  return total;
}

}  // namespace

TreeRepair::TreeRepair(const PrfKey& split_key, ChunkSource source, HasData has_data)
    : split_key_(split_key),
      source_([this, source = std::move(source)](const ChunkId& id, ChunkKind kind) {
        auto node = source(id, kind);
        if (!node && !is_loss(node.error())) storage_error_ = node.error();
        return node;
      }),
      has_data_(std::move(has_data)) {}

Result<bool> TreeRepair::scan(const Subtree& subtree, const Tell& tell) {
  if (!subtree.id) return true;
  return scan_folder(*subtree.id, "", 0, tell);
}

// Hands out the entries of one folder that can be read; `lost` says what hid others. Errors are
// those of `each` and of the storage.
Result<void> TreeRepair::walk(const ChunkId& folder,
                              const std::function<Result<void>(std::string_view)>& each,
                              std::optional<std::string>& lost) const {
  std::optional<Error> stopped;
  const auto walked = for_each_entry(source_, folder, [&](std::string_view message) {
    auto done = each(message);
    if (!done) stopped = done.error();
    return done;
  });
  if (stopped) return fail(*std::move(stopped));
  if (storage_error_) return fail(*storage_error_);
  if (!walked) lost = walked.error().message;
  return {};
}

// Only what is whole is remembered: what is lost is told for each snapshot.
Result<bool> TreeRepair::scan_folder(const ChunkId& id, const std::string& path, std::size_t depth,
                                     const Tell& tell) {
  if (whole_.contains(id)) return true;
  if (depth > limits::kPathDepth) {
    tell(path, "folders nest too deep");
    return false;
  }
  bool is_whole = true;
  std::optional<std::string> lost;
  const auto each = [&](std::string_view message) -> Result<void> {
    if (!TRY(scan_entry(message, path, depth, tell))) is_whole = false;
    return {};
  };
  TRY(walk(id, each, lost));
  if (lost) tell(path.empty() ? "/" : path, "the folder cannot be read whole: " + *lost);
  is_whole = is_whole && !lost;
  if (is_whole) whole_.insert(id);
  return is_whole;
}

Result<bool> TreeRepair::scan_entry(std::string_view message, const std::string& path,
                                    std::size_t depth, const Tell& tell) {
  const auto entry = decode_entry(as_bytes(message));
  if (!entry) return true;  // nothing to make it better from
  const std::string here = path + "/" + entry->name;
  bool is_whole = true;
  for (const Xattr& xattr : entry->xattrs) {
    if (has_xattr(xattr)) continue;
    tell(here, "its attribute " + xattr.name + " is lost");
    is_whole = false;
  }
  if (entry->kind == EntryKind::file && !TRY(has_content(*entry))) {
    tell(here, "parts of its content are lost");
    is_whole = false;
  }
  if (entry->kind == EntryKind::directory && entry->subtree.id)
    is_whole = TRY(scan_folder(*entry->subtree.id, here, depth + 1, tell)) && is_whole;
  return is_whole;
}

bool TreeRepair::has_xattr(const Xattr& xattr) const {
  return std::ranges::all_of(xattr.slices,
                             [&](const Slice& slice) { return !slice.id || has_data_(slice); });
}

Result<bool> TreeRepair::has_content(const Entry& entry) {
  if (entry.list && whole_.contains(*entry.list)) return true;
  const auto walked = for_each_slice(source_, entry, [&](const Slice& slice) -> Result<void> {
    if (!slice.id || has_data_(slice)) return {};
    return fail(ErrorCode::not_found, "a chunk is lost");
  });
  if (storage_error_) return fail(*storage_error_);
  if (walked && entry.list) whole_.insert(*entry.list);
  return walked.has_value();
}

Result<std::optional<Subtree>> TreeRepair::mend(const Subtree& subtree, const ChunkSink& sink) {
  if (!subtree.id || TRY(scan(subtree, [](const auto&, const auto&) {}))) return subtree;
  bool is_partial = false;
  return mend_folder(*subtree.id, 0, sink, is_partial);
}

// Nothing if nothing of it can be read; `is_partial` if some of it cannot.
Result<std::optional<Subtree>> TreeRepair::mend_folder(const ChunkId& id, std::size_t depth,
                                                       const ChunkSink& sink, bool& is_partial) {
  if (depth > limits::kPathDepth) return std::nullopt;
  Subtree mended;
  DirectoryBuilder builder(split_key_, sink);
  const auto add = [&](std::string_view message) -> Result<void> {
    auto entry = decode_entry(as_bytes(message));
    const std::string name(entry_name(message));
    if (entry) TRY(mend_entry(*entry, depth, sink));
    auto added = builder.add(name, entry ? encode(*entry) : std::string(message));
    if (!added && added.error().code == ErrorCode::invalid_argument) {
      is_partial = true;  // no writer makes such an entry
      return {};
    }
    if (!added) return added;
    if (entry && entry->kind == EntryKind::directory) {
      mended.dirs += 1 + entry->subtree.dirs;
      mended.files += entry->subtree.files;
      mended.content_bytes += entry->subtree.content_bytes;
    } else {
      mended.files += 1;
      if (entry && entry->kind == EntryKind::file) mended.content_bytes += entry->size;
    }
    return {};
  };
  std::optional<std::string> lost;
  TRY(walk(id, add, lost));
  is_partial = is_partial || lost;
  mended.id = TRY(builder.finish());
  if (!mended.id && lost) return std::nullopt;
  return mended;
}

Result<void> TreeRepair::mend_entry(Entry& entry, std::size_t depth, const ChunkSink& sink) {
  std::erase_if(entry.xattrs, [&](const Xattr& xattr) { return !has_xattr(xattr); });
  if (entry.kind == EntryKind::file && !TRY(has_content(entry))) return mend_content(entry, sink);
  if (entry.kind != EntryKind::directory || !entry.subtree.id) return {};
  if (whole_.contains(*entry.subtree.id)) return {};  // all were scanned
  bool is_partial = false;
  const auto mended = TRY(mend_folder(*entry.subtree.id, depth + 1, sink, is_partial));
  entry.subtree = mended.value_or(Subtree());
  if (!mended) entry.state = EntryState::unreadable;
  if (mended && is_partial) entry.state = EntryState::partly_unreadable;
  return {};
}

Result<void> TreeRepair::mend_content(Entry& entry, const ChunkSink& sink) {
  ContentBuilder builder(sink);
  std::uint64_t length = 0;
  bool has_some = false;
  const auto add = [&](const Slice& slice) -> Result<void> {
    length += slice.length;
    if (!slice.id || !has_data_(slice)) return builder.add({std::nullopt, 0, slice.length});
    has_some = true;
    return builder.add(slice);
  };
  for (const Slice& slice : entry.slices) TRY(add(slice));
  if (entry.list) TRY(mend_list(*entry.list, entry.size, {}, add));
  entry.slices.clear();
  entry.list.reset();
  entry.inline_content.clear();
  entry.state = EntryState::unreadable;
  // Nothing is left, or what was there never fitted its size.
  if (!has_some || length != entry.size) return {};
  entry.state = EntryState::partly_unreadable;
  return builder.finish(entry);
}

// A list that is lost is a hole as long as the one above it says.
Result<void> TreeRepair::mend_list(const ChunkId& id, std::uint64_t length,
                                   std::optional<std::uint32_t> level,
                                   const std::function<Result<void>(const Slice&)>& add) {
  const auto bytes = source_(id, ChunkKind::list);
  if (storage_error_) return fail(*storage_error_);
  const auto node = bytes ? decode_list(*bytes) : fail(bytes.error());
  const bool fits = node && (!level || *level == node->level) && length_of(*node) == length;
  if (!fits) return add({std::nullopt, 0, length});
  for (const Slice& slice : node->slices) TRY(add(slice));
  for (const ListChild& child : node->children)
    TRY(mend_list(child.id, child.length, node->level - 1, add));
  return {};
}

}  // namespace lagan
