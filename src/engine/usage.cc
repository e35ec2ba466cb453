// SPDX-License-Identifier: Apache-2.0
#include "src/engine/usage.h"

#include <cmath>

#include "repo/limits.h"
#include "src/engine/chunk_tally.h"

namespace lagan {
namespace {

std::uint64_t key_of(const std::optional<ChunkId>& id) {
  return id ? std::hash<ChunkId>()(*id) : 0;
}

std::uint64_t content_key(const Entry& file) {
  std::uint64_t key = mix_keys(file.size, std::hash<std::string>()(file.inline_content));
  key = mix_keys(key, key_of(file.list));
  for (const Slice& slice : file.slices) {
    key = mix_keys(mix_keys(key, key_of(slice.id)), mix_keys(slice.offset, slice.length));
  }
  return key;
}

}  // namespace

Result<void> UsageCounter::add(const Snapshot& snapshot) {
  if (options_.mode != UsageMode::restore_size) {
    if (options_.mode == UsageMode::raw_data && snapshot.root_record)
      count_stored(*snapshot.root_record, "/");
    return count_folder(snapshot.root, "", 0);
  }
  links_.clear();
  const Restored restored = TRY(count_restored(snapshot.root, "", 0));
  sum_.files += restored.entries;
  sum_.bytes += restored.bytes;
  return {};
}

Usage UsageCounter::total() const {
  Usage total = sum_;
  if (options_.mode == UsageMode::raw_data)
    total.bytes = static_cast<std::uint64_t>(std::llround(stored_bytes_));
  return total;
}

Result<void> UsageCounter::for_each_in(const Subtree& folder, const std::string& path,
                                       std::size_t depth,
                                       const std::function<Result<void>(const Entry&)>& each) {
  const std::string shown = path.empty() ? "/" : path;
  if (depth > limits::kPathDepth) {
    options_.trouble(shown, Error{ErrorCode::corrupt, "folders nest too deep", Retry::never, {}});
    return {};
  }
  const ChunkSource counting = [&](const ChunkId& id, ChunkKind kind) {
    if (options_.mode == UsageMode::raw_data) count_stored(id, shown);
    return source_(id, kind);
  };
  std::optional<Error> stopped;
  const auto walked =
      for_each_entry(counting, *folder.id, [&](std::string_view message) -> Result<void> {
        const auto entry = decode_entry(as_bytes(message));
        if (!entry) {
          options_.trouble(shown, entry.error());
          return {};
        }
        auto done =
            options_.is_stopped() ? fail(ErrorCode::cancelled, "interrupted") : each(*entry);
        if (!done) stopped = done.error();
        return done;
      });
  if (stopped) return fail(*std::move(stopped));
  if (!walked) options_.trouble(shown, walked.error());
  return {};
}

Result<UsageCounter::Restored> UsageCounter::count_restored(const Subtree& folder,
                                                            const std::string& path,
                                                            std::size_t depth) {
  Restored sum;
  if (!folder.id) return sum;
  if (const auto known = without_links_.find(*folder.id); known != without_links_.end())
    return known->second;
  const auto count = [&](const Entry& entry) -> Result<void> {
    ++sum.entries;
    if (entry.kind == EntryKind::directory) {
      const Restored below = TRY(count_restored(entry.subtree, path + "/" + entry.name, depth + 1));
      sum.entries += below.entries;
      sum.bytes += below.bytes;
      sum.has_links = sum.has_links || below.has_links;
    }
    if (entry.hardlink) sum.has_links = true;
    const bool is_first = !entry.hardlink || links_.insert(*entry.hardlink).second;
    if (entry.kind == EntryKind::file && is_first) sum.bytes += entry.size;
    return {};
  };
  TRY(for_each_in(folder, path, depth, count));
  if (!sum.has_links) without_links_.emplace(*folder.id, sum);
  return sum;
}

Result<void> UsageCounter::count_folder(const Subtree& folder, const std::string& path,
                                        std::size_t depth) {
  if (!folder.id) return {};
  // The same folder at another path has other pairs of path and chunk.
  const std::uint64_t place =
      options_.mode == UsageMode::blobs_per_file ? std::hash<std::string>()(path) : 0;
  if (!folders_.insert(mix_keys(key_of(folder.id), place)).second) return {};
  return for_each_in(folder, path, depth, [&](const Entry& entry) {
    const std::string below = path + "/" + entry.name;
    if (entry.kind == EntryKind::file) count_file(below, entry);
    if (options_.mode == UsageMode::raw_data) {
      for (const Xattr& attribute : entry.xattrs)
        for (const Slice& slice : attribute.slices)
          if (slice.id) count_stored(*slice.id, below);
    }
    return entry.kind == EntryKind::directory ? count_folder(entry.subtree, below, depth + 1)
                                              : Result<void>();
  });
}

void UsageCounter::count_file(const std::string& path, const Entry& entry) {
  const bool is_new_content = contents_.insert(content_key(entry)).second;
  if (options_.mode != UsageMode::raw_data && is_new_content) ++sum_.files;
  if (options_.mode == UsageMode::files_by_contents) {
    if (is_new_content) sum_.bytes += entry.size;
    return;
  }
  if (options_.mode == UsageMode::raw_data && !is_new_content) return;
  const ChunkSource counting = [&](const ChunkId& id, ChunkKind kind) {
    if (options_.mode == UsageMode::raw_data) count_stored(id, path);
    return source_(id, kind);
  };
  const auto counted = for_each_slice(counting, entry, [&](const Slice& slice) -> Result<void> {
    if (slice.id) count_chunk(*slice.id, slice.length, path);
    return {};
  });
  if (!counted) options_.trouble(path, counted.error());
}

void UsageCounter::count_chunk(const ChunkId& id, std::uint64_t length, const std::string& path) {
  if (options_.mode == UsageMode::raw_data) return count_stored(id, path);
  if (!chunks_.insert(mix_keys(key_of(id), std::hash<std::string>()(path))).second) return;
  ++sum_.chunks;
  sum_.bytes += length;
}

void UsageCounter::count_stored(const ChunkId& id, const std::string& path) {
  if (!chunks_.insert(key_of(id)).second) return;
  const auto at = index_.find(id);
  if (!at) {
    options_.trouble(
        path,
        Error{
            ErrorCode::not_found, "chunk " + id.short_hex() + " is in no index", Retry::never, {}});
    return;
  }
  ++sum_.chunks;
  sum_.uncompressed_bytes += at->chunk_length;
  // A block is compressed as a whole: each of its chunks has its share of that.
  stored_bytes_ += static_cast<double>(at->stored) * at->chunk_length / at->raw;
}

}  // namespace lagan
