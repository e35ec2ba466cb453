// SPDX-License-Identifier: Apache-2.0
#include "src/engine/content_fetcher.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "repo/index_loader.h"
#include "tests/engine/engine_samples.h"

namespace lagan {
namespace {

// More than a chunk that shares its block with others.
constexpr std::size_t kLarge = std::size_t{300} << 10;

// Chunks in packs, and files to fetch them into.
class Fetching {
 public:
  Fetching() {
    files_.attributes.load_value = [](const Xattr&) -> Result<std::string> { return ""; };
    files_.report = [this](const std::string& path, const Error& error) {
      observer.trouble(path, error);
    };
  }

  enum class Blocks { shared, own };
  // Each call makes packs of its own.
  std::vector<ChunkId> store(const std::vector<Bytes>& contents, Blocks blocks = Blocks::shared) {
    ChunkWriterOptions options = small_packs();
    options.data_pack_bytes = std::size_t{32} << 20;
    options.workers = 1;  // so that blocks lie in the order of the chunks
    ChunkWriter writer(*repository, index, samples::id<SessionId>(0x20), options);
    std::vector<ChunkId> ids;
    auto& lane = writer.make_data_lane();
    for (const Bytes& content : contents) {
      const auto id = lane.store(content);
      REQUIRE(id);
      ids.push_back(*id);
      if (blocks == Blocks::own) REQUIRE(lane.flush());
    }
    REQUIRE(lane.flush());
    REQUIRE(writer.flush());
    repository.storage->forget_calls();
    return ids;
  }

  std::shared_ptr<RestoredFile> make_file(const std::string& name) {
    Entry entry;
    entry.name = name;
    entry.mode = 0600;
    entry.uid = ::geteuid();
    entry.gid = ::getegid();
    File file = *open_file(folder / name, O_RDWR | O_CREAT | O_EXCL);
    return std::make_shared<RestoredFile>(RestoredFilePlace{.file = std::move(file)}, "/" + name,
                                          std::move(entry), files_, nullptr);
  }
  std::string content(const std::string& name) const { return read_text(folder / name); }

  // Runs `add` against a fetcher and waits for all of it.
  template <typename Add>
  void fetch(const Add& add, std::size_t threads = 2) {
    ContentFetcher fetcher(*repository, index, threads, observer);
    add(fetcher);
    fetcher.finish();
  }
  std::size_t requests() const { return repository.storage->calls("get data/").size(); }

  TemporaryFolder folder;
  TestRepository repository;
  LocalIndex index = repository.empty_index();
  CollectingObserver observer;

 private:
  RestoredFileContext files_;
};

std::vector<Bytes> random_chunks(std::size_t count, std::size_t size, std::uint64_t seed = 0) {
  std::vector<Bytes> chunks;
  for (std::size_t i = 0; i < count; ++i) chunks.push_back(random_content(size, seed * 1000 + i));
  return chunks;
}

Slice whole(const ChunkId& id, std::size_t size) { return {id, 0, size}; }

std::string text(const Bytes& bytes) { return std::string(as_text(bytes)); }

TEST_CASE("slices of one pack, in whatever order they are asked for, become few large reads") {
  Fetching test;
  const auto chunks = random_chunks(20, kLarge);
  const auto ids = test.store(chunks);
  REQUIRE(test.repository.names("data/").size() == 1);
  test.fetch([&](ContentFetcher& fetcher) {
    const auto even = test.make_file("even"), odd = test.make_file("odd");
    for (std::size_t i = 0; i < 20; ++i) {
      const std::size_t chosen = i * 7 % 20;
      fetcher.add(chosen % 2 == 0 ? even : odd, whole(ids[chosen], kLarge), chosen / 2 * kLarge);
    }
  });
  CHECK(test.observer.troubles().empty());
  std::string even, odd;
  for (std::size_t i = 0; i < 20; ++i) (i % 2 == 0 ? even : odd) += as_text(chunks[i]);
  CHECK((test.content("even") == even));
  CHECK((test.content("odd") == odd));
  // 6 MiB in reads of 4 MiB at most.
  CHECK(test.requests() == 2);
  CHECK(test.observer.progress.bytes_done == 20 * kLarge);
}

TEST_CASE("small chunks share a block, which is read once") {
  Fetching test;
  const auto chunks = random_chunks(50, 1000);
  const auto ids = test.store(chunks);
  test.fetch([&](ContentFetcher& fetcher) {
    for (std::size_t i = 50; i-- > 0;)
      fetcher.add(test.make_file(std::to_string(i)), whole(ids[i], 1000), 0);
  });
  CHECK(test.observer.troubles().empty());
  for (std::size_t i = 0; i < 50; ++i) CHECK((test.content(std::to_string(i)) == text(chunks[i])));
  CHECK(test.requests() == 1);
}

TEST_CASE("what lies between is read along if it is little, else left out") {
  for (const std::size_t between : {std::size_t{100} << 10, kLarge}) {
    CAPTURE(between);
    Fetching test;
    std::vector<Bytes> chunks = random_chunks(2, kLarge);
    chunks.insert(chunks.begin() + 1, random_content(between, 99));
    const auto ids = test.store(chunks, Fetching::Blocks::own);
    test.fetch([&](ContentFetcher& fetcher) {
      const auto file = test.make_file("file");
      fetcher.add(file, whole(ids[0], kLarge), 0);
      fetcher.add(file, whole(ids[2], kLarge), kLarge);
    });
    CHECK((test.content("file") == text(chunks[0]) + text(chunks[2])));
    CHECK(test.requests() == (between < kLarge ? 1 : 2));
  }
}

TEST_CASE("each pack is read by itself, and all of them are") {
  Fetching test;
  const auto first = random_chunks(3, kLarge, 1), second = random_chunks(3, kLarge, 2);
  const auto first_ids = test.store(first), second_ids = test.store(second);
  test.fetch([&](ContentFetcher& fetcher) {
    const auto file = test.make_file("file");
    for (std::size_t i = 0; i < 3; ++i) {
      fetcher.add(file, whole(second_ids[i], kLarge), (2 * i + 1) * kLarge);
      fetcher.add(file, whole(first_ids[i], kLarge), 2 * i * kLarge);
    }
  });
  std::string expected;
  for (std::size_t i = 0; i < 3; ++i) expected += text(first[i]) + text(second[i]);
  CHECK((test.content("file") == expected));
  CHECK(test.requests() == 2);
}

TEST_CASE("a part of a chunk lands at its place, as often as it is wanted") {
  Fetching test;
  std::vector<Bytes> chunks;
  chunks.push_back(Bytes::copy_of(as_bytes("0123456789")));
  const auto ids = test.store(chunks);
  test.fetch([&](ContentFetcher& fetcher) {
    const auto file = test.make_file("file");
    fetcher.add(file, {ids[0], 3, 4}, 10);
    fetcher.add(file, {ids[0], 9, 1}, 0);
    fetcher.add(file, {ids[0], 0, 10}, 100);
    fetcher.add(test.make_file("other"), {ids[0], 5, 5}, 0);
  });
  const std::string content = test.content("file");
  REQUIRE(content.size() == 110);
  CHECK(content.substr(0, 2) == std::string("9\0", 2));
  CHECK(content.substr(10, 5) == std::string("3456\0", 5));
  CHECK(content.substr(100) == "0123456789");
  CHECK(test.content("other") == "56789");
  CHECK(test.requests() == 1);
}

TEST_CASE("nothing is read before the window is sent on, and a fetcher may have nothing to do") {
  Fetching test;
  const auto chunks = random_chunks(2, kLarge);
  const auto ids = test.store(chunks);
  test.fetch([&](ContentFetcher& fetcher) {
    const auto file = test.make_file("file");
    fetcher.add(file, whole(ids[0], kLarge), 0);
    CHECK(test.requests() == 0);
    fetcher.flush();
    fetcher.add(file, whole(ids[1], kLarge), kLarge);
  });
  CHECK((test.content("file") == text(chunks[0]) + text(chunks[1])));
  CHECK(test.requests() == 2);
  test.fetch([](ContentFetcher&) {});
  CHECK(test.requests() == 2);
}

// ---- Damage ----

// Five files, each one chunk in a block of its own.
struct FiveFiles : Fetching {
  std::vector<Bytes> chunks = random_chunks(5, kLarge);
  std::vector<ChunkId> ids = store(chunks);

  std::string pack() const { return repository.names("data/").at(0); }
  std::vector<std::string> fetch_all() {
    fetch([&](ContentFetcher& fetcher) {
      for (std::size_t i = 0; i < 5; ++i)
        fetcher.add(make_file(std::to_string(i)), whole(ids[i], kLarge), 0);
    });
    return observer.troubles();
  }
  void check_whole(std::initializer_list<std::size_t> files) const {
    for (const std::size_t i : files) CHECK((content(std::to_string(i)) == text(chunks[i])));
  }
};

TEST_CASE("a damaged block harms only the files that need it") {
  FiveFiles test;
  test.repository.damage(test.pack(), test.index.find(test.ids[2])->block_offset + 1000);
  const auto troubles = test.fetch_all();
  REQUIRE(troubles.size() == 1);
  CHECK(troubles[0].starts_with("/2: "));
  CHECK(troubles[0].find(test.index.find(test.ids[2])->pack.short_hex()) != std::string::npos);
  test.check_whole({0, 1, 3, 4});
  CHECK(test.content("2").empty());
}

TEST_CASE("a file with several damaged chunks is told once, one in every file that needs it") {
  Fetching test;
  const auto chunks = random_chunks(4, kLarge);
  const auto ids = test.store(chunks);
  const std::string pack = test.repository.names("data/").at(0);
  for (const std::size_t i : {1U, 2U})
    test.repository.damage(pack, test.index.find(ids[i])->block_offset + 1000);
  test.fetch([&](ContentFetcher& fetcher) {
    const auto both = test.make_file("both"), one = test.make_file("one");
    for (std::size_t i = 0; i < 4; ++i) fetcher.add(both, whole(ids[i], kLarge), i * kLarge);
    fetcher.add(one, whole(ids[2], kLarge), 0);
  });
  const auto troubles = test.observer.troubles();
  REQUIRE(troubles.size() == 2);
  CHECK(troubles[0].starts_with("/both: "));
  CHECK(troubles[0].find(fmt::format("missing: bytes {}-{} of", kLarge, 3 * kLarge - 1)) !=
        std::string::npos);
  CHECK(troubles[1].starts_with("/one: "));
  // What there is of it is there.
  CHECK((test.content("both").substr(0, kLarge) == text(chunks[0])));
  CHECK((test.content("both").substr(3 * kLarge) == text(chunks[3])));
}

TEST_CASE("a pack that is cut short gives what it still has") {
  FiveFiles test;
  const std::uint64_t end = test.index.find(test.ids[3])->block_offset;
  const Bytes pack = *test.repository.storage->get(*ObjectName::parse(test.pack()));
  test.repository.overwrite(test.pack(), pack.span().first(end + 1000));
  const auto troubles = test.fetch_all();
  REQUIRE(troubles.size() == 2);
  CHECK(troubles[0].starts_with("/3: "));
  CHECK(troubles[1].starts_with("/4: "));
  test.check_whole({0, 1, 2});
}

TEST_CASE("a pack that is gone is told for each file") {
  FiveFiles test;
  REQUIRE(test.repository.storage->remove(*ObjectName::parse(test.pack())));
  CHECK(test.fetch_all().size() == 5);
}

TEST_CASE("a chunk that no index has is told at once, and the rest fetched") {
  FiveFiles test;
  test.ids[1] = ChunkId{};
  const auto troubles = test.fetch_all();
  REQUIRE(troubles.size() == 1);
  CHECK(troubles[0].starts_with("/1: "));
  CHECK(troubles[0].find("in no index") != std::string::npos);
  test.check_whole({0, 2, 3, 4});
}

TEST_CASE("a slice that reaches beyond its chunk is refused") {
  FiveFiles test;
  test.fetch([&](ContentFetcher& fetcher) {
    fetcher.add(test.make_file("a"), {test.ids[0], 0, kLarge + 1}, 0);
    fetcher.add(test.make_file("b"), {test.ids[0], kLarge - 1, 2}, 0);
    fetcher.add(test.make_file("c"), {test.ids[0], kLarge - 1, 1}, 0);
  });
  const auto troubles = test.observer.troubles();
  REQUIRE(troubles.size() == 2);
  CHECK(troubles[0].starts_with("/a: "));
  CHECK(troubles[1].starts_with("/b: "));
  CHECK(test.content("c") == text(test.chunks[0]).substr(kLarge - 1));
}

TEST_CASE("a chunk that is no file content is refused") {
  Fetching test;
  ChunkId node;
  {
    ChunkWriter writer(*test.repository, test.index, samples::id<SessionId>(0x20), small_packs());
    node = *writer.store_tree(ChunkKind::directory, as_bytes("a node"));
    REQUIRE(writer.flush());
  }
  test.fetch([&](ContentFetcher& fetcher) {
    fetcher.add(test.make_file("file"), {node, 0, 6}, 0);
  });
  REQUIRE(test.observer.troubles().size() == 1);
  CHECK(test.content("file").empty());
}

TEST_CASE("a pack whose blocks hold other chunks than the index says is noticed") {
  // The block opens, since it is sealed with the right key; only the id tells.
  FiveFiles test;
  Segment segment;
  const PackId name = test.index.find(test.ids[0])->pack;
  segment.packs = {test.index.pack_entry(name).value()};
  const ChunkId wrong = samples::id<ChunkId>(1);
  segment.packs[0].name = name;
  segment.packs[0].directory.blocks[0].ids = {wrong};
  LocalIndex forged = test.repository.empty_index();
  REQUIRE(forged.add(samples::id<SegmentId>(1), segment));
  test.index = std::move(forged);
  test.ids[0] = wrong;
  const auto troubles = test.fetch_all();
  REQUIRE(troubles.size() == 1);
  CHECK(troubles[0].find("does not match its id") != std::string::npos);
  test.check_whole({1, 2, 3, 4});
  CHECK(test.content("0").empty());
}

}  // namespace
}  // namespace lagan
