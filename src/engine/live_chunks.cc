// SPDX-License-Identifier: Apache-2.0
#include "src/engine/live_chunks.h"

#include <fmt/format.h>

#include <algorithm>

#include "repo/tree_walk.h"

namespace lagan {

LiveChunks::LiveChunks(const Repository& repository, const LocalIndex& index)
    : index_(index), reader_(repository, index) {}

bool LiveChunks::is_live(const ChunkId& id) const {
  const auto number = index_.number(id);
  return number && is_needed(*number);
}

// True if it was not marked before. What is missing counts as new, so that it is reported.
bool LiveChunks::note(const ChunkId& id) {
  const auto number = index_.number(id);
  if (!number) return true;
  if (*number >= needed_.size()) {
    needed_.resize(std::max<std::uint64_t>(*number + 1, needed_.size() * 2));
  }
  if (needed_[*number]) return false;
  needed_[*number] = true;
  return true;
}

Result<void> LiveChunks::mark(const StoredSnapshot& stored, std::vector<std::string>& warnings) {
  const bool is_vouched_for = stored.verified && !stored.forgotten;
  const ChunkWalk walk{
      .is_new = [this](const ChunkId& id) { return note(id); },
      .each = [this](const ChunkId& id, ChunkKind, const std::string&) -> Result<void> {
        if (index_.number(id)) return {};
        return fail(ErrorCode::not_found, fmt::format("chunk {} is in no index", id.hex()));
      },
      .trouble = [&](const std::string& path, Error error) -> Result<void> {
        const std::string where = fmt::format("snapshot {}, {}", stored.id.short_hex(), path);
        if (error.code != ErrorCode::not_found || is_vouched_for || index_.damaged())
          return fail(std::move(error).in(where));
        warnings.push_back(fmt::format("{}: {}", where, error.message));
        return {};
      }};
  return walk_chunks(reader_.source(), stored.snapshot, walk);
}

}  // namespace lagan
