// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a local index should answer, the slow way, for its tests.

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <unordered_set>

#include "repo/local_index.h"
#include "tests/repo/index_samples.h"

namespace lagan::samples {

inline const RepositoryId kRepository = Samples(1).id<RepositoryId>();

inline bool is_same(const ChunkLocation& a, const ChunkLocation& b) {
  return a.pack == b.pack && a.block_number == b.block_number && a.block_offset == b.block_offset &&
         a.stored == b.stored && a.raw == b.raw && a.codec == b.codec && a.kind == b.kind &&
         a.nonce_tail == b.nonce_tail && a.chunk_offset == b.chunk_offset &&
         a.chunk_length == b.chunk_length;
}

inline void check_same(const PackEntry& a, const PackEntry& b) {
  CHECK(a.name == b.name);
  CHECK(a.size == b.size);
  CHECK(a.kind == b.kind);
  CHECK(a.header == b.header);
  CHECK(a.directory.session == b.directory.session);
  CHECK(a.directory.created == b.directory.created);
  REQUIRE(a.directory.blocks.size() == b.directory.blocks.size());
  for (std::size_t i = 0; i < a.directory.blocks.size(); ++i) {
    const Block& x = a.directory.blocks[i];
    const Block& y = b.directory.blocks[i];
    CHECK(x.stored == y.stored);
    CHECK(x.raw == y.raw);
    CHECK(x.codec == y.codec);
    CHECK(x.kind == y.kind);
    CHECK(x.nonce_tail == y.nonce_tail);
    CHECK(x.ids == y.ids);
    CHECK(x.lengths == y.lengths);
  }
}

class Oracle {
 public:
  void add(const SegmentId& id, const Segment& segment) { segments_[id] = segment; }
  void forget(const SegmentId& id) { segments_.erase(id); }

  std::vector<SegmentId> live() const {
    std::vector<SegmentId> ids;
    for (const auto& [id, segment] : segments_) ids.push_back(id);
    return ids;
  }

  std::map<PackId, const PackEntry*> packs() const {
    std::map<PackId, const PackEntry*> found;
    for (const auto& [id, segment] : segments_) {
      for (const PackEntry& pack : segment.packs) found.emplace(pack.name, &pack);
    }
    return found;
  }

  std::multimap<ChunkId, ChunkLocation> chunks() const {
    std::multimap<ChunkId, ChunkLocation> found;
    for (const auto& [name, pack] : packs()) {
      ChunkLocation at{.pack = name, .block_offset = kHeaderSize};
      for (const Block& block : pack->directory.blocks) {
        at.stored = block.stored;
        at.raw = block.raw;
        at.codec = block.codec;
        at.kind = block.kind;
        at.nonce_tail = block.nonce_tail;
        at.chunk_offset = 0;
        for (std::size_t i = 0; i < block.ids.size(); ++i) {
          at.chunk_length = block.lengths[i];
          found.emplace(block.ids[i], at);
          at.chunk_offset += at.chunk_length;
        }
        at.block_offset += block.stored;
        at.block_number += 1;
      }
    }
    return found;
  }

  void check(const LocalIndex& index, const std::unordered_set<PackId>& condemned = {}) const {
    const auto all = chunks();
    for (auto at = all.begin(); at != all.end();) {
      const auto [begin, end] = all.equal_range(at->first);
      const bool good = std::any_of(
          begin, end, [&](const auto& copy) { return !condemned.contains(copy.second.pack); });
      CHECK(index.contains(at->first) == good);
      const auto found = index.find(at->first);
      REQUIRE(found);
      CHECK(
          std::any_of(begin, end, [&](const auto& copy) { return is_same(copy.second, *found); }));
      CHECK((!good || !condemned.contains(found->pack)));
      const auto header = index.pack_header(*found);
      REQUIRE(header);
      CHECK(*header == packs().at(found->pack)->header);
      at = end;
    }
    Samples strange(99);
    for (int i = 0; i < 100; ++i) {
      const auto id = strange.id<ChunkId>();
      CHECK(!index.contains(id));
      CHECK(!index.find(id));
    }
  }

  void check_walks(const LocalIndex& index) const {
    const auto listed = packs();
    std::set<PackId> seen;
    REQUIRE(index.for_each_pack([&](const LocalIndex::PackSummary& summary) -> Result<void> {
      CHECK(seen.insert(summary.name).second);
      REQUIRE(listed.contains(summary.name));
      const PackEntry& expected = *listed.at(summary.name);
      CHECK(summary.size == expected.size);
      CHECK(summary.kind == expected.kind);
      CHECK(summary.header == expected.header);
      return {};
    }));
    CHECK(seen.size() == listed.size());
    for (const auto& [name, pack] : listed) {
      CHECK(index.has_pack(name));
      const auto entry = index.pack_entry(name);
      REQUIRE(entry);
      check_same(*entry, *pack);
    }
    CHECK(!index.has_pack(Samples(98).id<PackId>()));
    CHECK(index.pack_entry(Samples(98).id<PackId>()).error().code == ErrorCode::not_found);

    auto expected = chunks();
    REQUIRE(index.for_each_chunk([&](const ChunkId& id, const ChunkLocation& at) -> Result<void> {
      const auto [begin, end] = expected.equal_range(id);
      const auto same =
          std::find_if(begin, end, [&](const auto& c) { return is_same(c.second, at); });
      REQUIRE(same != end);
      expected.erase(same);
      return {};
    }));
    CHECK(expected.empty());
  }

 private:
  std::map<SegmentId, Segment> segments_;
};

inline std::vector<ChunkId> ids_of(const Oracle& oracle) {
  std::vector<ChunkId> ids;
  for (const auto& [id, at] : oracle.chunks()) ids.push_back(id);
  return ids;
}

}  // namespace lagan::samples
