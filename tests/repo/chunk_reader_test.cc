// SPDX-License-Identifier: Apache-2.0
#include "repo/chunk_reader.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "repo/index_loader.h"
#include "tests/repo/test_repository.h"
#include "tests/util/temporary_folder.h"

namespace lagan {
namespace {

// 40 chunks in two blocks or more, and one directory.
struct Stored {
  TestRepository repository;
  LocalIndex index = repository.empty_index();
  std::vector<ChunkId> ids;
  ChunkId directory;

  Stored() {
    ChunkWriter writer(*repository, index, samples::id<SessionId>(0x20), small_packs());
    auto& lane = writer.make_data_lane();
    for (std::uint64_t i = 0; i < 40; ++i) ids.push_back(lane.store(content(i)).value());
    directory = writer.store_tree(ChunkKind::directory, as_bytes("directory")).value();
    REQUIRE(writer.flush());
    repository.storage->forget_calls();
  }
  static Bytes content(std::uint64_t number) { return random_content(100'000, number); }
  std::size_t gets() const { return repository.storage->calls("get ").size(); }
};

TEST_CASE("neighbouring chunks come with one request") {
  const Stored stored;
  ChunkReader reader(*stored.repository, stored.index);
  for (std::uint64_t i = 0; i < 40; ++i) {
    const auto loaded = reader.load(stored.ids[i], ChunkKind::data);
    REQUIRE_MESSAGE(loaded, loaded.error().message);
    CHECK(as_text(*loaded) == as_text(Stored::content(i)));
  }
  CHECK(stored.gets() <= 5);
  CHECK(as_text(reader.source()(stored.directory, ChunkKind::directory).value()) == "directory");
}

TEST_CASE("a reader with little memory reads the same") {
  const Stored stored;
  ChunkReader reader(*stored.repository, stored.index, 1);
  for (int round = 0; round < 3; ++round) {
    for (const std::uint64_t i : {std::uint64_t{0}, std::uint64_t{39}})
      CHECK(as_text(reader.load(stored.ids[i], ChunkKind::data).value()) ==
            as_text(Stored::content(i)));
  }
  CHECK(stored.gets() == 6);
}

TEST_CASE("a chunk that no segment lists is not found, and one of another kind is refused") {
  const Stored stored;
  ChunkReader reader(*stored.repository, stored.index);
  CHECK(reader.load(samples::id<ChunkId>(9), ChunkKind::data).error().code == ErrorCode::not_found);
  CHECK(reader.load(stored.directory, ChunkKind::data).error().code == ErrorCode::corrupt);
}

TEST_CASE("a run that shows its damage late is made again, and the chunks are read") {
  const TemporaryFolder folder;
  OpenOptions options;
  options.cache_folder = folder.path();
  TestRepository repository(options);
  std::vector<ChunkId> ids;
  {
    LocalIndex index = open_local_index(*repository).value();
    ChunkWriter writer(*repository, index, samples::id<SessionId>(0x20), small_packs());
    auto& lane = writer.make_data_lane();
    for (std::uint64_t i = 0; i < 40; ++i) ids.push_back(lane.store(Stored::content(i)).value());
    REQUIRE(writer.flush());
    REQUIRE(load_index(*repository, index));
  }
  const std::string runs = repository->cache_folder() + "/index";
  for (const auto& entry : std::filesystem::directory_iterator(runs)) {
    if (entry.path().extension() != ".run") continue;
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(-200, std::ios::end);
    file.put('\x5a');
  }
  // As one whose runs are too large to be looked at as a whole.
  LocalIndex index = LocalIndex::open(runs, repository->id(), 0).value();
  REQUIRE(load_index(*repository, index));
  CHECK_FALSE(index.damaged());
  ChunkReader reader(*repository, index);
  reader.follow_moves();
  for (std::uint64_t i = 0; i < 40; ++i) {
    const auto loaded = reader.load(ids[i], ChunkKind::data);
    REQUIRE_MESSAGE(loaded, loaded.error().message);
    CHECK(as_text(*loaded) == as_text(Stored::content(i)));
  }
  CHECK(index.damaged());
  // The one that was made again has the same name: who knew the damaged one does not delete it.
  { const LocalIndex gone = std::move(index); }
  CHECK(open_local_index(*repository)->contains(ids[7]));
}

TEST_CASE("a damaged block is an error of its chunks, and the others are read") {
  const Stored stored;
  const auto at = stored.index.find(stored.ids[0]);
  REQUIRE(at);
  const std::string pack = names::pack(ObjectKind::data_pack, at->pack).text();
  stored.repository.damage(pack, at->block_offset + 500);
  ChunkReader reader(*stored.repository, stored.index);
  std::size_t broken = 0;
  for (const ChunkId& id : stored.ids) {
    const auto loaded = reader.load(id, ChunkKind::data);
    if (loaded) continue;
    ++broken;
    CHECK(loaded.error().code == ErrorCode::corrupt);
    CHECK(loaded.error().message.find(at->pack.short_hex()) != std::string::npos);
    CHECK(stored.index.find(id)->block_offset == at->block_offset);
  }
  CHECK(broken > 0);
  CHECK(broken < 40);
}

TEST_CASE("a pack that is gone or cut short is an error") {
  const Stored stored;
  const auto at = stored.index.find(stored.ids[39]);
  REQUIRE(at);
  const ObjectName pack = names::pack(ObjectKind::data_pack, at->pack);
  const Bytes whole = stored.repository.storage->get(pack).value();
  ChunkReader reader(*stored.repository, stored.index);
  REQUIRE(stored.repository.storage->remove(pack));
  CHECK(reader.load(stored.ids[39], ChunkKind::data).error().code == ErrorCode::not_found);
  REQUIRE(
      stored.repository.storage->put(pack, whole.span().first(at->block_offset + at->stored - 1)));
  CHECK(reader.load(stored.ids[39], ChunkKind::data).error().code == ErrorCode::corrupt);
}

TEST_CASE("many threads read at once") {
  const Stored stored;
  ChunkReader reader(*stored.repository, stored.index, 2'500'000);
  std::vector<std::jthread> threads;
  for (std::uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < 120; ++i) {
        const std::uint64_t number = (i * 7 + t * 11) % 40;
        const auto loaded = reader.load(stored.ids[number], ChunkKind::data);
        CHECK((loaded && as_text(*loaded) == as_text(Stored::content(number))));
      }
    });
  }
}

}  // namespace
}  // namespace lagan
