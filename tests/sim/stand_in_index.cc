// SPDX-License-Identifier: Apache-2.0

// A LocalIndex in plain memory, linked in place of repo/local_index.cc where many histories are to
// be run: files of runs are four fifths of a history's time. It forgets everything between
// processes.

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "repo/local_index.h"

namespace lagan {
namespace {

constexpr std::uint64_t kFirstBlock = 96;  // docs/format.md, "Packs"

struct Copy {
  std::uint32_t run = 0, pack = 0, block = 0, chunk = 0;  // each in the one before
  std::uint64_t number = 0;                               // within the run
};

}  // namespace

struct LocalIndex::State {
  struct Run {
    SegmentId id;
    std::vector<PackEntry> packs;
    std::uint64_t chunks = 0;
    std::uint32_t first_pack_number = 0;
  };
  std::vector<Run> runs;
  std::unordered_map<ChunkId, std::vector<Copy>> copies;  // in the order of runs
  std::unordered_set<PackId> condemned;
  std::uint32_t next_pack_number = 0;

  void enter(std::uint32_t number) {
    Run& run = runs[number];
    run.chunks = 0;
    for (std::uint32_t p = 0; p < run.packs.size(); ++p) {
      const auto& blocks = run.packs[p].directory.blocks;
      for (std::uint32_t b = 0; b < blocks.size(); ++b) {
        for (std::uint32_t c = 0; c < blocks[b].ids.size(); ++c)
          copies[blocks[b].ids[c]].push_back({number, p, b, c, run.chunks++});
      }
    }
  }
  const Copy* find(const ChunkId& id, bool is_condemned_too, bool is_first) const {
    const auto at = copies.find(id);
    if (at == copies.end()) return nullptr;
    const Copy* found = nullptr;
    for (const Copy& copy : at->second) {
      const bool fits =
          is_condemned_too || !condemned.contains(runs[copy.run].packs[copy.pack].name);
      if (fits && (found == nullptr || !is_first)) found = &copy;
    }
    return found;
  }
  std::uint64_t number(const Copy& copy) const {
    std::uint64_t number = copy.number;
    for (std::uint32_t i = 0; i < copy.run; ++i) number += runs[i].chunks;
    return number;
  }
  ChunkLocation locate(const Copy& copy) const {
    const Run& run = runs[copy.run];
    const PackEntry& pack = run.packs[copy.pack];
    const Block& block = pack.directory.blocks[copy.block];
    ChunkLocation at;
    at.pack = pack.name;
    at.pack_number = run.first_pack_number + copy.pack;
    at.block_number = copy.block;
    at.block_offset = kFirstBlock;
    for (std::uint32_t b = 0; b < copy.block; ++b)
      at.block_offset += pack.directory.blocks[b].stored;
    at.stored = block.stored;
    at.raw = block.raw;
    at.codec = block.codec;
    at.kind = block.kind;
    at.nonce_tail = block.nonce_tail;
    for (std::uint32_t c = 0; c < copy.chunk; ++c) at.chunk_offset += block.lengths[c];
    at.chunk_length = block.lengths[copy.chunk];
    at.number = number(copy);
    return at;
  }
  // Each pack once, where it is listed first.
  template <typename Each>
  Result<void> each_pack(const Each& each) const {
    std::unordered_set<PackId> met;
    for (std::uint32_t r = 0; r < runs.size(); ++r) {
      for (std::uint32_t p = 0; p < runs[r].packs.size(); ++p) {
        if (met.insert(runs[r].packs[p].name).second) TRY(each(r, p));
      }
    }
    return {};
  }
};

LocalIndex::LocalIndex(std::unique_ptr<State> state) : state_(std::move(state)) {}
LocalIndex::LocalIndex(LocalIndex&&) noexcept = default;
LocalIndex& LocalIndex::operator=(LocalIndex&&) noexcept = default;
LocalIndex::~LocalIndex() = default;

Result<LocalIndex> LocalIndex::open(const std::string&, const RepositoryId&, std::uint64_t) {
  return LocalIndex(std::make_unique<State>());
}

void LocalIndex::delete_damaged() const {}

Result<std::vector<SegmentId>> LocalIndex::missing(const std::vector<SegmentId>& live) {
  State& state = *state_;
  const std::unordered_set<SegmentId> wanted(live.begin(), live.end());
  if (std::erase_if(state.runs, [&](const auto& run) { return !wanted.contains(run.id); }) != 0) {
    state.copies.clear();
    for (std::uint32_t i = 0; i < state.runs.size(); ++i) state.enter(i);
  }
  std::vector<SegmentId> missing;
  for (const SegmentId& id : live) {
    if (std::ranges::find(state.runs, id, &State::Run::id) == state.runs.end())
      missing.push_back(id);
  }
  return missing;
}

Result<void> LocalIndex::add(const SegmentId& id, const Segment& segment) {
  State& state = *state_;
  if (std::ranges::find(state.runs, id, &State::Run::id) != state.runs.end()) return {};
  state.runs.push_back({id, segment.packs, 0, state.next_pack_number});
  state.next_pack_number += static_cast<std::uint32_t>(segment.packs.size());
  state.enter(static_cast<std::uint32_t>(state.runs.size() - 1));
  return {};
}

Result<void> LocalIndex::compact() { return {}; }

void LocalIndex::set_condemned(std::unordered_set<PackId> packs) {
  state_->condemned = std::move(packs);
}

std::optional<ChunkLocation> LocalIndex::find(const ChunkId& id) const {
  const Copy* copy = state_->find(id, false, false);
  if (copy == nullptr) copy = state_->find(id, true, false);
  return copy == nullptr ? std::nullopt : std::optional(state_->locate(*copy));
}

std::optional<std::uint64_t> LocalIndex::number(const ChunkId& id) const {
  const Copy* copy = state_->find(id, false, true);
  if (copy == nullptr) copy = state_->find(id, true, true);
  return copy == nullptr ? std::nullopt : std::optional(state_->number(*copy));
}

bool LocalIndex::contains(const ChunkId& id) const {
  return state_->find(id, false, true) != nullptr;
}

bool LocalIndex::damaged() const { return false; }

Result<Header> LocalIndex::pack_header(const ChunkLocation& location) const {
  return TRY(pack_entry(location.pack)).header;
}

Result<void> LocalIndex::for_each_pack(
    const std::function<Result<void>(const PackSummary&)>& each) const {
  return state_->each_pack([&](std::uint32_t r, std::uint32_t p) -> Result<void> {
    const PackEntry& pack = state_->runs[r].packs[p];
    PackSummary summary{pack.name, pack.size, pack.kind, pack.header,
                        state_->runs[r].first_pack_number + p};
    for (const Block& block : pack.directory.blocks) summary.chunks += block.ids.size();
    return each(summary);
  });
}

bool LocalIndex::has_pack(const PackId& pack) const { return pack_entry(pack).has_value(); }

Result<void> LocalIndex::for_each_chunk(
    const std::function<Result<void>(const ChunkId&, const ChunkLocation&)>& each) const {
  return state_->each_pack([&](std::uint32_t r, std::uint32_t p) -> Result<void> {
    const auto& blocks = state_->runs[r].packs[p].directory.blocks;
    Copy copy{r, p, 0, 0, 0};
    for (std::uint32_t before = 0; before < p; ++before) {
      for (const Block& block : state_->runs[r].packs[before].directory.blocks)
        copy.number += block.ids.size();
    }
    for (; copy.block < blocks.size(); ++copy.block) {
      for (copy.chunk = 0; copy.chunk < blocks[copy.block].ids.size(); ++copy.chunk) {
        TRY(each(blocks[copy.block].ids[copy.chunk], state_->locate(copy)));
        ++copy.number;
      }
    }
    return {};
  });
}

Result<PackEntry> LocalIndex::pack_entry(const PackId& wanted) const {
  for (const auto& run : state_->runs) {
    for (const PackEntry& pack : run.packs) {
      if (pack.name == wanted) return pack;
    }
  }
  return fail(ErrorCode::not_found, "pack " + wanted.hex() + " is in no index");
}

std::uint64_t LocalIndex::chunk_count() const {
  std::uint64_t count = 0;
  for (const auto& run : state_->runs) count += run.chunks;
  return count;
}

}  // namespace lagan
