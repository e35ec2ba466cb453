// SPDX-License-Identifier: Apache-2.0
#include "repo/index_run.h"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <map>

#include "repo/index_run_writer.h"
#include "tests/repo/index_samples.h"

using namespace lagan;
using samples::Samples;

namespace {

const RepositoryId kRepository = Samples(1).id<RepositoryId>();
const RunFolder kNowhere{"", kRepository};

// Every chunk of a segment with its place, in pack order.
std::vector<std::pair<ChunkId, std::uint32_t>> places(const Segment& segment) {
  std::vector<std::pair<ChunkId, std::uint32_t>> all;
  for (const PackEntry& pack : segment.packs) {
    for (const Block& block : pack.directory.blocks) {
      for (const ChunkId& id : block.ids) all.emplace_back(id, all.size());
    }
  }
  return all;
}

}  // namespace

TEST_CASE("a run finds its chunks whether it may keep them in memory or not") {
  Samples random(2);
  const Segment segment = random.segment(30);
  const auto run = build_run(kNowhere, random.id<SegmentId>(), segment).value();
  const auto all = places(segment);
  REQUIRE(run->counts().chunks == all.size());
  for (const std::uint64_t memory :
       {std::uint64_t{0}, run->memory_wanted() / 2, run->memory_wanted()}) {
    run->keep_in_memory(memory);
    for (const auto& [id, number] : all) {
      CHECK(run->find(id, IndexRun::Copies::any) == number);
      CHECK(run->location(number));
    }
    // In a row, most need not be searched for; others are never taken for them.
    std::size_t searched = 0;
    for (const auto& [id, number] : all) {
      CHECK(!run->is_next(number + 1, id, IndexRun::Copies::any));
      if (run->is_next(number, id, IndexRun::Copies::any)) continue;
      CHECK(run->find(id, IndexRun::Copies::any) == number);
      ++searched;
    }
    CHECK(searched < all.size() / 50);
    CHECK(!run->find(random.id<ChunkId>(), IndexRun::Copies::any));
  }
  CHECK(!run->damaged());
}

TEST_CASE("ids that share their first bytes are told apart") {
  Samples random(3);
  Segment segment;
  segment.packs = {random.pack(0)};
  Block block;
  // More of them than are read at once.
  for (int i = 0; i < 3000; ++i) {
    auto id = random.id<ChunkId>();
    std::fill_n(id.bytes.begin(), 8, std::byte{0x77});
    block.ids.push_back(id);
    block.lengths.push_back(1);
    ++block.raw;
  }
  segment.packs[0].directory.blocks = {block};
  const auto run = build_run(kNowhere, random.id<SegmentId>(), segment).value();
  for (const auto& [id, number] : places(segment)) {
    CHECK(run->find(id, IndexRun::Copies::any) == number);
  }
  auto other = block.ids[0];
  other.bytes[31] ^= std::byte{1};
  CHECK(!run->find(other, IndexRun::Copies::any));
}

TEST_CASE("a chunk is found behind any number of empty blocks") {
  Samples random(4);
  Segment segment;
  segment.packs = {random.pack(0)};
  auto& blocks = segment.packs[0].directory.blocks;
  for (int i = 0; i < 1000; ++i) {
    Block block;
    if (i % 300 == 299) {
      block.ids = {random.id<ChunkId>(), random.id<ChunkId>()};
      block.lengths = {3, 4};
      block.raw = 7;
    }
    blocks.push_back(block);
  }
  const auto run = build_run(kNowhere, random.id<SegmentId>(), segment).value();
  for (std::uint32_t i = 0; i < blocks.size(); ++i) {
    for (const ChunkId& id : blocks[i].ids) {
      const auto chunk = run->find(id, IndexRun::Copies::any);
      REQUIRE(chunk);
      CHECK(run->location(*chunk)->block_number == i);
    }
  }
  CHECK(!run->damaged());
}

TEST_CASE("merging keeps every pack once, with all segments that list it") {
  Samples random(5);
  Segment a = random.segment(10), b = random.segment(10);
  b.packs.insert(b.packs.begin() + 3, a.packs.begin() + 2, a.packs.begin() + 6);
  const auto id_a = random.id<SegmentId>(), id_b = random.id<SegmentId>();
  const auto run_a = build_run(kNowhere, id_a, a).value();
  const auto run_b = build_run(kNowhere, id_b, b).value();
  const std::vector<const IndexRun*> both = {run_a.get(), run_b.get()};
  const auto merged = merge_runs(kNowhere, both).value();
  CHECK(merged->counts().packs == 20);
  CHECK(merged->counts().origins == 24);
  CHECK(merged->segments() == std::vector{id_a, id_b});

  REQUIRE(merged->set_live({id_b}));
  for (const PackEntry& pack : b.packs) CHECK(merged->find_pack(pack.name));
  CHECK(!merged->find_pack(a.packs[0].name));
  CHECK(merged->find_pack(a.packs[2].name));
  CHECK(!merged->set_live({random.id<SegmentId>()}));
  REQUIRE(merged->set_live({id_a, id_b}));
  CHECK(merged->find_pack(a.packs[0].name));
}
