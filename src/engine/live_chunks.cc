// SPDX-License-Identifier: Apache-2.0
#include "src/engine/live_chunks.h"

#include <fmt/format.h>

#include <algorithm>

#include "repo/tree_walk.h"

namespace lagan {
namespace {

bool is_vouched_for(const StoredSnapshot& stored) { return stored.verified && !stored.forgotten; }

}  // namespace

LiveChunks::LiveChunks(const Repository& repository, const LocalIndex& index)
    : index_(index), reader_(repository, index) {}

bool LiveChunks::is_live(const ChunkId& id) const {
  const auto number = index_.number(id);
  return number && is_needed(*number);
}

// True if it was not marked before.
bool LiveChunks::note(std::uint64_t number) {
  if (number >= needed_.size())
    needed_.resize(std::max<std::uint64_t>(number + 1, needed_.size() * 2));
  if (needed_[number]) return false;
  needed_[number] = true;
  return true;
}

Result<void> LiveChunks::mark(const std::vector<StoredSnapshot>& snapshots,
                              std::vector<std::string>& warnings,
                              const std::function<bool()>& is_stopped) {
  for (const bool vouched_for : {true, false}) {
    for (const StoredSnapshot& stored : snapshots) {
      if (is_vouched_for(stored) != vouched_for) continue;
      if (is_stopped()) return fail(ErrorCode::cancelled, "interrupted");
      TRY(mark_one(stored, warnings));
    }
  }
  // Lookups do not tell what is nowhere from what could not be read.
  if (index_.damaged())
    return fail(ErrorCode::unavailable, "the local index is damaged: try again");
  return {};
}

Result<void> LiveChunks::mark_one(const StoredSnapshot& stored,
                                  std::vector<std::string>& warnings) {
  // Of the chunk that the walk is at: asking the index is most of the work, so it is asked once.
  bool is_listed = true;
  const ChunkWalk walk{
      .is_new =
          [&](const ChunkId& id) {
            const auto number = index_.number(id);
            is_listed = number.has_value();
            return !is_listed || note(*number);
          },
      .each = [&](const ChunkId& id, ChunkKind kind, const std::string&) -> Result<void> {
        // A root record gives a lost snapshot back; this one is there.
        if (is_listed || kind == ChunkKind::root_record) return {};
        missing_.insert(id);
        return fail(ErrorCode::not_found, fmt::format("chunk {} is in no index", id.hex()));
      },
      .trouble = [&](const std::string& path, Error error) -> Result<void> {
        const std::string where = fmt::format("snapshot {}, {}", stored.id.short_hex(), path);
        if (is_listed || is_vouched_for(stored)) return fail(std::move(error).in(where));
        warnings.push_back(fmt::format("{}: {}", where, error.message));
        return {};
      }};
  return walk_chunks(reader_.source(), stored.snapshot, walk);
}

}  // namespace lagan
