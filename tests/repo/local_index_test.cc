// SPDX-License-Identifier: Apache-2.0
#include "repo/local_index.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <thread>
#include <unordered_map>

#include "repo/run_layout.h"
#include "tests/repo/index_samples.h"

using namespace lagan;
using samples::Samples;
using samples::TemporaryFolder;

namespace {

const RepositoryId kRepository = Samples(1).id<RepositoryId>();

bool operator==(const ChunkLocation& a, const ChunkLocation& b) {
  return a.pack == b.pack && a.block_number == b.block_number && a.block_offset == b.block_offset &&
         a.stored == b.stored && a.raw == b.raw && a.codec == b.codec && a.kind == b.kind &&
         a.nonce_tail == b.nonce_tail && a.chunk_offset == b.chunk_offset &&
         a.chunk_length == b.chunk_length;
}

void check_same(const PackEntry& a, const PackEntry& b) {
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

// What the index should say, the slow way.
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
      CHECK(std::any_of(begin, end, [&](const auto& copy) { return copy.second == *found; }));
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
      const auto same = std::find_if(begin, end, [&](const auto& c) { return c.second == at; });
      REQUIRE(same != end);
      expected.erase(same);
      return {};
    }));
    CHECK(expected.empty());
  }

 private:
  std::map<SegmentId, Segment> segments_;
};

std::vector<ChunkId> ids_of(const Oracle& oracle) {
  std::vector<ChunkId> ids;
  for (const auto& [id, at] : oracle.chunks()) ids.push_back(id);
  return ids;
}

std::string read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

}  // namespace

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

TEST_CASE("merging leaves few runs, and empty ones cost nothing") {
  Samples random(11);
  const TemporaryFolder folder;
  auto index = LocalIndex::open(folder.path(), kRepository);
  Oracle oracle;
  for (std::uint32_t i = 0; i < 40; ++i) {
    const auto id = random.id<SegmentId>();
    const Segment segment = random.segment(i % 5);
    REQUIRE(index->add(id, segment));
    REQUIRE(index->compact());
    oracle.add(id, segment);
    CHECK(folder.files().size() <= 8);
  }
  oracle.check(*index);
  oracle.check_walks(*index);

  // Without being asked for, only before files run out.
  for (int i = 0; i < 300; ++i) REQUIRE(index->add(random.id<SegmentId>(), Segment{}));
  CHECK(folder.files().size() < 80);
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

TEST_CASE("two indexes over one folder do not disturb each other") {
  Samples random(13);
  const TemporaryFolder folder;
  auto first = LocalIndex::open(folder.path(), kRepository);
  Oracle oracle;
  const auto add_to = [&](LocalIndex& index) {
    const auto id = random.id<SegmentId>();
    const Segment segment = random.segment(5);
    REQUIRE(index.add(id, segment));
    oracle.add(id, segment);
    return id;
  };
  for (int i = 0; i < 3; ++i) add_to(*first);
  auto second = LocalIndex::open(folder.path(), kRepository);
  REQUIRE(second);
  // The first merges, and with that removes files that the second goes on using.
  REQUIRE(first->compact());
  oracle.check(*first);
  oracle.check(*second);
  // Both merge the same, then each something of its own.
  REQUIRE(second->compact());
  const Oracle common = oracle;
  add_to(*first);
  REQUIRE(first->compact());
  common.check(*second);
  add_to(*second);
  REQUIRE(second->compact());

  auto third = LocalIndex::open(folder.path(), kRepository);
  CHECK(third->missing(oracle.live()).value().empty());
  oracle.check(*third);
  oracle.check_walks(*third);
  REQUIRE(third->compact());
  oracle.check_walks(*third);
}

TEST_CASE("the folder is private, and what a dead writer left in it goes") {
  Samples random(14);
  const TemporaryFolder parent;
  const std::string path = parent.path() + "/deep/index";
  auto index = LocalIndex::open(path, kRepository);
  REQUIRE(index);
  REQUIRE(index->add(random.id<SegmentId>(), random.segment(2)));
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0700);
  write(path + "/tmp-1-0", "half a run");
  write(path + "/nonsense.run", "nonsense");
  write(path + "/README", "not ours");
  REQUIRE(LocalIndex::open(path, kRepository));
  std::size_t runs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    const std::string name = entry.path().filename();
    CHECK(!name.starts_with("tmp-"));
    CHECK(name != "nonsense.run");
    if (!name.ends_with(".run")) continue;
    ++runs;
    REQUIRE(::stat(entry.path().c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
  }
  CHECK(runs == 1);
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

TEST_CASE("a damaged run never lies: its answers are right, or its segment is missing again") {
  Samples random(16);
  const TemporaryFolder folder;
  Oracle oracle;
  const auto id = random.id<SegmentId>();
  Segment segment;
  while (segment.packs.size() < 30) segment.packs.push_back(random.pack(5));
  oracle.add(id, segment);
  {
    auto index = LocalIndex::open(folder.path(), kRepository);
    REQUIRE(index->add(id, segment));
  }
  REQUIRE(folder.files().size() == 1);
  const std::string path = folder.files()[0];
  const std::string whole = read(path);
  REQUIRE(whole.size() > 2 * 65536);  // several pages
  const auto chunks = oracle.chunks();

  const auto check_answers = [&] {
    auto index = LocalIndex::open(folder.path(), kRepository);
    REQUIRE(index);
    std::size_t answered = 0;
    for (const auto& [chunk, at] : chunks) {
      const auto found = index->find(chunk);
      if (!found) continue;
      CHECK(*found == at);
      ++answered;
    }
    for (int i = 0; i < 50; ++i) CHECK(!index->contains(random.id<ChunkId>()));
    const bool walked =
        index
            ->for_each_chunk([&](const ChunkId& chunk, const ChunkLocation& at) -> Result<void> {
              CHECK(chunks.find(chunk)->second == at);
              return {};
            })
            .has_value();
    const bool damaged = index->damaged();
    const bool missing = !index->missing({id}).value().empty();
    CHECK((!damaged || missing));
    if (!missing) {
      CHECK(answered == chunks.size());
      CHECK(walked);
    } else {
      CHECK(folder.files().empty());
      CHECK(!index->damaged());
      REQUIRE(index->add(id, segment));
      CHECK(index->contains(chunks.begin()->first));
    }
    return missing;
  };

  SUBCASE("one bit flipped") {
    for (std::size_t at = 0; at < whole.size(); at += at < 400 ? 1 : 1 + random.below(3000)) {
      INFO("byte " << at);
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << random.below(8)));
      write(path, damaged);
      CHECK(check_answers());
    }
  }
  SUBCASE("cut or grown") {
    for (std::size_t size = 0; size < whole.size();
         size += size < 200 ? 1 : 1 + random.below(10'000)) {
      INFO("size " << size);
      write(path, whole.substr(0, size));
      CHECK(check_answers());
    }
    write(path, whole + "x");
    CHECK(check_answers());
  }
  SUBCASE("cut while it is open") {
    auto index = LocalIndex::open(folder.path(), kRepository);
    REQUIRE(index->contains(chunks.begin()->first));
    REQUIRE(::truncate(path.c_str(), 5000) == 0);
    for (const auto& [chunk, at] : chunks) {
      const auto found = index->find(chunk);
      if (found) CHECK(*found == at);
    }
    CHECK(index->damaged());
    CHECK(!index->contains(chunks.begin()->first));
    CHECK(!index->for_each_pack([](const auto&) { return Result<void>(); }));
    CHECK(index->missing({id}).value() == std::vector{id});
  }
}

TEST_CASE("merging leaves a damaged run out and says that its segment is missing") {
  Samples random(17);
  const TemporaryFolder folder;
  std::map<std::string, SegmentId> by_file;
  Oracle oracle;
  {
    auto index = LocalIndex::open(folder.path(), kRepository);
    for (int i = 0; i < 3; ++i) {
      const auto id = random.id<SegmentId>();
      Segment segment;
      while (segment.packs.size() < 5) segment.packs.push_back(random.pack(5));
      REQUIRE(index->add(id, segment));
      oracle.add(id, segment);
      for (const std::string& file : folder.files()) by_file.try_emplace(file, id);
    }
  }
  REQUIRE(by_file.size() == 3);
  const auto& [path, lost] = *by_file.begin();
  std::string content = read(path);
  content[content.size() - 100] ^= 1;  // among the chunks
  write(path, content);

  auto index = LocalIndex::open(folder.path(), kRepository);
  REQUIRE(index->compact());
  CHECK(index->damaged());
  CHECK(!index->for_each_pack([](const auto&) { return Result<void>(); }));
  CHECK(index->missing(oracle.live()).value() == std::vector{lost});
  CHECK(!index->damaged());
  oracle.forget(lost);
  CHECK(index->missing(oracle.live()).value().empty());
  oracle.check(*index);
  oracle.check_walks(*index);
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
          if (!found || !(*found == at)) ++wrong;
          if (!index->contains(id) || index->contains(strange.id<ChunkId>())) ++wrong;
        }
      });
    }
  }
  CHECK(wrong == 0);
}
