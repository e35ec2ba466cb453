// SPDX-License-Identifier: Apache-2.0
#include "repo/local_index.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "tests/repo/index_oracle.h"

using namespace lagan;
using samples::ids_of;
using samples::is_same;
using samples::kRepository;
using samples::Oracle;
using samples::Samples;
using samples::TemporaryFolder;

TEST_CASE("the index answers like a map, however its segments are merged") {
  for (std::uint32_t seed = 0; seed < 12; ++seed) {
    INFO("seed " << seed);
    Samples random(seed);
    const TemporaryFolder folder;
    Oracle oracle;
    auto index = LocalIndex::open(seed % 3 == 0 ? "" : folder.path(), kRepository);
    REQUIRE(index);
    for (int step = 0; step < 14; ++step) {
      const auto known = ids_of(oracle);
      switch (random.below(6)) {
        case 0:
          REQUIRE(index->compact());
          break;
        case 1:
          if (seed % 3 != 0) index = LocalIndex::open(folder.path(), kRepository);
          REQUIRE(index);
          CHECK(index->missing(oracle.live()).value().empty());
          break;
        case 2: {  // a merged segment takes the place of another
          const auto live = oracle.live();
          if (live.empty()) break;
          Segment merged = random.segment(2, known);
          for (const auto& [name, pack] : oracle.packs()) {
            if (random.below(2) == 0) merged.packs.push_back(*pack);
          }
          const auto id = random.id<SegmentId>();
          REQUIRE(index->add(id, merged));
          oracle.add(id, merged);
          oracle.forget(live[random.below(static_cast<std::uint32_t>(live.size()))]);
          CHECK(index->missing(oracle.live()).value().empty());
          break;
        }
        default: {
          const auto id = random.id<SegmentId>();
          const Segment segment = random.segment(random.below(8), known);
          REQUIRE(index->add(id, segment));
          oracle.add(id, segment);
        }
      }
      oracle.check(*index);
    }
    oracle.check_walks(*index);
    REQUIRE(index->compact());
    oracle.check_walks(*index);
  }
}

TEST_CASE("a chunk that lies only in condemned packs is found but not contained") {
  Samples random(7);
  Oracle oracle;
  auto index = LocalIndex::open("", kRepository);
  REQUIRE(index);
  for (int i = 0; i < 4; ++i) {
    const auto id = random.id<SegmentId>();
    const Segment segment = random.segment(6, ids_of(oracle));
    REQUIRE(index->add(id, segment));
    oracle.add(id, segment);
  }
  std::unordered_set<PackId> condemned;
  for (const auto& [name, pack] : oracle.packs()) {
    if (random.below(2) == 0) condemned.insert(name);
  }
  condemned.insert(random.id<PackId>());
  index->set_condemned(condemned);
  oracle.check(*index, condemned);

  SUBCASE("also in runs that come later") {
    const auto id = random.id<SegmentId>();
    Segment segment = random.segment(3, ids_of(oracle));
    segment.packs.push_back(*oracle.packs().at(*std::ranges::find_if(
        condemned, [&](const PackId& name) { return oracle.packs().contains(name); })));
    REQUIRE(index->add(id, segment));
    oracle.add(id, segment);
    oracle.check(*index, condemned);
  }
  SUBCASE("also after merging") {
    REQUIRE(index->compact());
    oracle.check(*index, condemned);
  }
  SUBCASE("until they are pardoned") {
    index->set_condemned({});
    oracle.check(*index);
  }
}

TEST_CASE("a chunk's number is that of the same copy, whatever was asked before") {
  for (std::uint32_t seed = 100; seed < 108; ++seed) {
    INFO("seed " << seed);
    Samples random(seed);
    Oracle oracle;
    auto index = LocalIndex::open("", kRepository);
    REQUIRE(index);
    std::vector<PackEntry> earlier;
    for (int i = 0; i < 5; ++i) {
      Segment segment = random.segment(4, ids_of(oracle));
      // Whole blocks again, so that a second copy comes in the order of the first.
      for (PackEntry& pack : earlier) pack.name = random.id<PackId>();
      segment.packs.insert(segment.packs.end(), earlier.begin(), earlier.end());
      earlier = segment.packs;
      if (earlier.size() > 6) earlier.resize(6);
      const auto id = random.id<SegmentId>();
      REQUIRE(index->add(id, segment));
      oracle.add(id, segment);
    }
    if (seed % 2 == 0) REQUIRE(index->compact());
    std::unordered_set<PackId> condemned;
    for (const auto& [name, pack] : oracle.packs()) {
      if (seed % 4 < 2 && random.below(3) == 0) condemned.insert(name);
    }
    index->set_condemned(condemned);

    std::vector<ChunkId> in_order;
    std::map<ChunkId, std::uint64_t> all, first;
    REQUIRE(index->for_each_chunk([&](const ChunkId& id, const ChunkLocation& at) -> Result<void> {
      in_order.push_back(id);
      const auto lower = [&](std::map<ChunkId, std::uint64_t>& to) {
        const auto place = to.emplace(id, at.number).first;
        place->second = std::min(place->second, at.number);
      };
      lower(all);
      if (!condemned.contains(at.pack)) lower(first);
      return {};
    }));
    first.insert(all.begin(), all.end());  // of those that lie in condemned packs only
    CHECK(first.size() < in_order.size());
    const auto check_numbers = [&] {
      for (const ChunkId& id : in_order) {
        CHECK(index->number(id) == first.at(id));
        if (random.below(4) == 0) CHECK(index->find(id));
      }
    };
    check_numbers();
    std::ranges::reverse(in_order);
    check_numbers();
    CHECK_FALSE(index->number(random.id<ChunkId>()));
  }
}

TEST_CASE("packs leave the index with the last live segment that lists them") {
  Samples random(8);
  auto index = LocalIndex::open("", kRepository);
  REQUIRE(index);
  const PackEntry shared = random.pack(3), only_old = random.pack(3), only_new = random.pack(3);
  const auto old_id = random.id<SegmentId>(), new_id = random.id<SegmentId>();
  Segment old_segment, new_segment;
  old_segment.packs = {shared, only_old};
  new_segment.packs = {only_new, shared};
  REQUIRE(index->add(old_id, old_segment));
  REQUIRE(index->add(new_id, new_segment));
  SUBCASE("in runs of their own") {}
  SUBCASE("in a merged run") { REQUIRE(index->compact()); }
  CHECK(index->has_pack(only_old.name));

  CHECK(index->missing({new_id}).value().empty());
  Oracle oracle;
  oracle.add(new_id, new_segment);
  oracle.check(*index);
  oracle.check_walks(*index);
  CHECK(!index->has_pack(only_old.name));
  for (const Block& block : only_old.directory.blocks) {
    for (const ChunkId& id : block.ids) CHECK(!index->contains(id));
  }

  REQUIRE(index->compact());
  oracle.check_walks(*index);
  CHECK(index->missing({new_id, random.id<SegmentId>()}).value().size() == 1);
  CHECK(index->missing({}).value().empty());
  CHECK(index->chunk_count() == 0);
}

TEST_CASE("missing() names what was never added, and nothing after it was") {
  Samples random(9);
  const TemporaryFolder folder;
  const auto a = random.id<SegmentId>(), b = random.id<SegmentId>();
  {
    auto index = LocalIndex::open(folder.path(), kRepository);
    CHECK(index->missing({a, b}).value() == std::vector{a, b});
    REQUIRE(index->add(b, random.segment(3)));
    CHECK(index->missing({a, b}).value() == std::vector{a});
    REQUIRE(index->add(a, Segment{}));
    CHECK(index->missing({a, b}).value().empty());
  }
  auto index = LocalIndex::open(folder.path(), kRepository);
  CHECK(index->missing({a, b}).value().empty());

  SUBCASE("but another repository's runs are no use") {
    index = LocalIndex::open(folder.path(), random.id<RepositoryId>());
    CHECK(index->missing({a, b}).value().size() == 2);
    CHECK(folder.files().empty());
  }
}

TEST_CASE("segments may be empty, added twice, or list a pack twice") {
  Samples random(10);
  auto index = LocalIndex::open("", kRepository);
  Segment twice;
  twice.packs = {random.pack(3)};
  twice.packs.push_back(twice.packs[0]);
  const auto id = random.id<SegmentId>();
  REQUIRE(index->add(random.id<SegmentId>(), Segment{}));
  REQUIRE(index->add(id, twice));
  const std::uint64_t chunks = index->chunk_count();
  REQUIRE(index->add(id, twice));
  CHECK(index->chunk_count() == chunks);
  Oracle oracle;
  oracle.add(id, twice);
  oracle.check_walks(*index);
  REQUIRE(index->compact());
  oracle.check_walks(*index);
}

TEST_CASE("a location stays good for its pack's header while the index goes on") {
  Samples random(12);
  auto index = LocalIndex::open("", kRepository);
  Segment first;
  first.packs = {random.pack(0), random.pack(9)};
  REQUIRE(index->add(random.id<SegmentId>(), first));
  const ChunkId id = [&] {
    for (const Block& block : first.packs[1].directory.blocks) {
      if (!block.ids.empty()) return block.ids[0];
    }
    return ChunkId{};
  }();
  const auto at = index->find(id);
  REQUIRE(at);
  for (int i = 0; i < 5; ++i) {
    REQUIRE(index->add(random.id<SegmentId>(), random.segment(3)));
    CHECK(index->pack_header(*at).value() == first.packs[1].header);
    REQUIRE(index->compact());
    CHECK(index->pack_header(*at).value() == first.packs[1].header);
  }
  REQUIRE(index->missing({}));
  CHECK(index->pack_header(*at).error().code == ErrorCode::not_found);
}

TEST_CASE("impossible segments are refused, not stored wrongly") {
  Samples random(15);
  auto index = LocalIndex::open("", kRepository);
  Segment segment;
  segment.packs = {random.pack(0)};
  Block block{.stored = 100, .raw = 50, .ids = {random.id<ChunkId>()}, .lengths = {50}};
  SUBCASE("lengths do not add up") { block.lengths[0] = 49; }
  SUBCASE("an id has no length") { block.ids.push_back(random.id<ChunkId>()); }
  SUBCASE("a block is too large") { block.raw = block.lengths[0] = 9u << 20; }
  SUBCASE("blocks are beyond any pack") { block.stored = 0xffff'ffff; }
  segment.packs[0].directory.blocks = {block};
  CHECK(index->add(random.id<SegmentId>(), segment).error().code == ErrorCode::invalid_argument);
}

TEST_CASE("several threads may ask at once") {
  Samples random(18);
  const TemporaryFolder folder;
  Oracle oracle;
  {
    auto index = LocalIndex::open(folder.path(), kRepository);
    for (int i = 0; i < 3; ++i) {
      const auto id = random.id<SegmentId>();
      const Segment segment = random.segment(10);
      REQUIRE(index->add(id, segment));
      oracle.add(id, segment);
    }
  }
  const auto index = LocalIndex::open(folder.path(), kRepository);  // no page is checked yet
  const auto chunks = oracle.chunks();
  std::atomic<std::size_t> wrong = 0;
  {
    std::vector<std::jthread> threads;
    for (std::uint32_t t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        Samples strange(100 + t);
        for (const auto& [id, at] : chunks) {
          const auto found = index->find(id);
          if (!found || !is_same(*found, at)) ++wrong;
          if (!index->contains(id) || index->contains(strange.id<ChunkId>())) ++wrong;
        }
      });
    }
  }
  CHECK(wrong == 0);
}
