// SPDX-License-Identifier: Apache-2.0
#include "src/engine/search.h"

#include <algorithm>

#include "repo/limits.h"
#include "src/engine/chunk_tally.h"
#include "src/engine/entry_time.h"

namespace lagan {

Result<void> Search::look_through(const Snapshot& snapshot) {
  TRY(look_into(snapshot.root, "", 0));
  return {};
}

bool Search::matches(const std::string& path, const Entry& entry) const {
  const auto fits = [&](const PathPattern& pattern) { return pattern.matches(path); };
  if (!std::ranges::any_of(options_.patterns, fits)) return false;
  const bool asks_for_size = options_.larger_than || options_.smaller_than;
  if (asks_for_size && entry.kind != EntryKind::file) return false;
  if (options_.larger_than && entry.size <= *options_.larger_than) return false;
  if (options_.smaller_than && entry.size >= *options_.smaller_than) return false;
  const Nanoseconds changed = modified_time(entry);
  return (!options_.oldest || changed >= *options_.oldest) &&
         (!options_.newest || changed <= *options_.newest);
}

Result<bool> Search::look_into(const Subtree& folder, const std::string& path, std::size_t depth) {
  if (!folder.id) return false;
  if (depth > limits::kPathDepth) {
    visitor_.trouble(path, Error{ErrorCode::corrupt, "folders nest too deep", Retry::never, {}});
    return true;
  }
  const std::uint64_t key =
      mix_keys(std::hash<ChunkId>()(*folder.id), std::hash<std::string>()(path));
  if (fruitless_.contains(key)) return false;
  bool found = false;
  std::optional<Error> stopped;  // by the visitor, not by damage
  const auto walked =
      for_each_entry(source_, *folder.id, [&](std::string_view message) -> Result<void> {
        auto below = look_at(message, path, depth);
        if (below) {
          found = found || *below;
          return {};
        }
        stopped = below.error();
        return fail(std::move(below).error());
      });
  if (stopped) return fail(*std::move(stopped));
  if (!walked) {
    visitor_.trouble(path.empty() ? "/" : path, walked.error());
    return true;
  }
  if (!found) fruitless_.insert(key);
  return found;
}

Result<bool> Search::look_at(std::string_view message, const std::string& folder,
                             std::size_t depth) {
  if (options_.is_stopped()) return fail(ErrorCode::cancelled, "interrupted");
  const auto entry = decode_entry(as_bytes(message));
  if (!entry) {
    visitor_.trouble(folder.empty() ? "/" : folder, entry.error());
    return true;
  }
  const std::string path = folder + "/" + entry->name;
  const bool is_match = matches(path, *entry);
  if (is_match) TRY(visitor_.found(path, *entry));
  if (entry->kind != EntryKind::directory) return is_match;
  return TRY(look_into(entry->subtree, path, depth + 1)) || is_match;
}

}  // namespace lagan
