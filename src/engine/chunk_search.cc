// SPDX-License-Identifier: Apache-2.0
#include "src/engine/chunk_search.h"

#include <algorithm>
#include <set>

#include "repo/limits.h"

namespace lagan {

Result<WantedChunks> WantedChunks::parse(const std::vector<std::string>& texts) {
  WantedChunks wanted;
  for (const std::string& text : texts) {
    const bool is_hex = !text.empty() && text.size() <= 2 * ChunkId::kSize &&
                        text.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (!is_hex)
      return fail(ErrorCode::invalid_argument, "'" + text + "' is not an id: write hex digits");
    if (const auto id = ChunkId::from_hex(text)) {
      wanted.whole_.insert(*id);
    } else {
      wanted.beginnings_.push_back(text);
    }
  }
  return wanted;
}

bool WantedChunks::contains(const ChunkId& id) const {
  if (whole_.contains(id)) return true;
  if (beginnings_.empty()) return false;
  const std::string hex = id.hex();
  return std::ranges::any_of(beginnings_,
                             [&](const std::string& text) { return hex.starts_with(text); });
}

Result<void> ChunkSearch::look_through(const Snapshot& snapshot) {
  if (snapshot.root.id) TRY(look_into(*snapshot.root.id, "", 0));
  return {};
}

Result<bool> ChunkSearch::look_into(const ChunkId& folder, const std::string& path,
                                    std::size_t depth) {
  if (fruitless_.contains(folder)) return false;
  const std::string shown = path.empty() ? "/" : path;
  if (depth > limits::kPathDepth) {
    visitor_.trouble(shown, Error{ErrorCode::corrupt, "folders nest too deep", Retry::never, {}});
    return true;
  }
  bool found = false;
  std::optional<Error> stopped;  // by the visitor, not by damage
  // All nodes of a large folder pass here, not only its top one.
  const ChunkSource telling = [&](const ChunkId& id, ChunkKind kind) -> Result<Bytes> {
    if (wanted_.contains(id)) {
      found = true;
      if (auto told = visitor_.found({id, kind, shown, {}}); !told) stopped = told.error();
      if (stopped) return fail(*stopped);
    }
    return source_(id, kind);
  };
  const auto walked =
      for_each_entry(telling, folder, [&](std::string_view message) -> Result<void> {
        const auto below = look_at(message, folder, path, depth);
        if (!below) stopped = below.error();
        if (stopped) return fail(*stopped);
        found = found || *below;
        return {};
      });
  if (stopped) return fail(*std::move(stopped));
  if (!walked) {
    visitor_.trouble(shown, walked.error());
    return true;
  }
  if (!found) fruitless_.insert(folder);
  return found;
}

Result<bool> ChunkSearch::look_at(std::string_view message, const ChunkId& folder,
                                  const std::string& path, std::size_t depth) {
  if (visitor_.is_stopped()) return fail(ErrorCode::cancelled, "interrupted");
  const auto entry = decode_entry(as_bytes(message));
  if (!entry) {
    visitor_.trouble(path.empty() ? "/" : path, entry.error());
    return true;
  }
  const std::string below = path + "/" + entry->name;
  const bool found = TRY(look_at_content(*entry, folder, below));
  if (!entry->subtree.id) return found;
  return TRY(look_into(*entry->subtree.id, below, depth + 1)) || found;
}

Result<bool> ChunkSearch::look_at_content(const Entry& entry, const ChunkId& folder,
                                          const std::string& path) {
  std::set<ChunkId> told;
  std::optional<Error> stopped;
  const auto look = [&](const ChunkId& id, ChunkKind kind) -> Result<void> {
    if (!wanted_.contains(id) || !told.insert(id).second) return {};
    auto done = visitor_.found({id, kind, path, folder});
    if (!done) stopped = done.error();
    return done;
  };
  const auto look_at_slice = [&](const Slice& slice) {
    return slice.id ? look(*slice.id, ChunkKind::data) : Result<void>();
  };
  for (const Xattr& attribute : entry.xattrs)
    for (const Slice& slice : attribute.slices) TRY(look_at_slice(slice));
  if (entry.kind != EntryKind::file) return !told.empty();
  const ChunkSource telling = [&](const ChunkId& id, ChunkKind kind) -> Result<Bytes> {
    TRY(look(id, kind));
    return source_(id, kind);
  };
  const auto walked = for_each_slice(telling, entry, look_at_slice);
  if (stopped) return fail(*std::move(stopped));
  if (walked) return !told.empty();
  visitor_.trouble(path, walked.error());
  return true;
}

}  // namespace lagan
