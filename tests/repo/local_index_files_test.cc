// SPDX-License-Identifier: Apache-2.0

// The files that a local index leaves in its folder: merged, shared, left behind and damaged.

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <map>

#include "repo/local_index.h"
#include "tests/repo/index_oracle.h"

using namespace lagan;
using samples::is_same;
using samples::kRepository;
using samples::Oracle;
using samples::Samples;
using samples::TemporaryFolder;

namespace {

std::string read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

}  // namespace

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
  const auto check_answers = [&](std::uint64_t memory) {
    auto index = LocalIndex::open(folder.path(), kRepository, memory);
    REQUIRE(index);
    if (memory != 0) CHECK(!index->damaged());
    std::size_t answered = 0;
    for (const auto& [chunk, at] : chunks) {
      const auto found = index->find(chunk);
      if (!found) continue;
      CHECK(is_same(*found, at));
      ++answered;
    }
    for (int i = 0; i < 50; ++i) CHECK(!index->contains(random.id<ChunkId>()));
    const bool walked =
        index
            ->for_each_chunk([&](const ChunkId& chunk, const ChunkLocation& at) -> Result<void> {
              CHECK(is_same(chunks.find(chunk)->second, at));
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
  // With enough memory damage shows before anything is asked, without it when it is read.
  const auto check_damage = [&](const std::string& content) {
    for (const std::uint64_t memory : {std::uint64_t{0}, LocalIndex::kMemoryBytes}) {
      write(path, content);
      CHECK(check_answers(memory));
    }
  };

  SUBCASE("one bit flipped") {
    for (std::size_t at = 0; at < whole.size(); at += at < 400 ? 1 : 1 + random.below(3000)) {
      INFO("byte " << at);
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << random.below(8)));
      check_damage(damaged);
    }
  }
  SUBCASE("cut or grown") {
    for (std::size_t size = 0; size < whole.size();
         size += size < 200 ? 1 : 1 + random.below(10'000)) {
      INFO("size " << size);
      check_damage(whole.substr(0, size));
    }
    check_damage(whole + "x");
  }
  SUBCASE("cut while it is open") {
    auto index = LocalIndex::open(folder.path(), kRepository, 0);
    REQUIRE(index->contains(chunks.begin()->first));
    REQUIRE(::truncate(path.c_str(), 5000) == 0);
    for (const auto& [chunk, at] : chunks) {
      const auto found = index->find(chunk);
      if (found) CHECK(is_same(*found, at));
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

  auto index = LocalIndex::open(folder.path(), kRepository, 0);
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
