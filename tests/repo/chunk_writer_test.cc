// SPDX-License-Identifier: Apache-2.0
#include "repo/chunk_writer.h"

#include <doctest/doctest.h>

#include <atomic>
#include <set>
#include <thread>

#include "repo/chunk_reader.h"
#include "repo/index_loader.h"
#include "repo/limits.h"
#include "repo/pack_reader.h"
#include "tests/repo/test_repository.h"

namespace lagan {
namespace {

const SessionId kSession = samples::id<SessionId>(0x20);

struct Writing {
  TestRepository repository;
  LocalIndex index = repository.empty_index();
  std::optional<ChunkWriter> writer;

  explicit Writing(const ChunkWriterOptions& options = small_packs()) { start(options); }
  void start(const ChunkWriterOptions& options = small_packs()) {
    writer.reset();
    writer.emplace(*repository, index, kSession, options);
  }
  // What a client without memory finds.
  void check_all_readable(const std::vector<std::pair<ChunkId, Bytes>>& chunks) {
    LocalIndex fresh = repository.empty_index();
    REQUIRE(load_index(*repository, fresh));
    ChunkReader reader(*repository, fresh);
    for (const auto& [id, content] : chunks) {
      const auto loaded = reader.load(id, ChunkKind::data);
      REQUIRE_MESSAGE(loaded, loaded.error().message);
      CHECK(as_text(*loaded) == as_text(content));
    }
  }
  std::size_t chunks_listed() {
    LocalIndex fresh = repository.empty_index();
    REQUIRE(load_index(*repository, fresh));
    std::size_t count = 0;
    REQUIRE(fresh.for_each_chunk([&](const ChunkId&, const ChunkLocation&) -> Result<void> {
      ++count;
      return {};
    }));
    return count;
  }
};

std::vector<std::pair<ChunkId, Bytes>> store_random(ChunkWriter::Lane& lane, std::size_t count,
                                                    std::size_t size, std::uint64_t seed = 0) {
  std::vector<std::pair<ChunkId, Bytes>> stored;
  for (std::size_t i = 0; i < count; ++i) {
    Bytes content = random_content(size + i, seed + i);
    const auto id = lane.store(content);
    REQUIRE_MESSAGE(id, id.error().message);
    stored.emplace_back(*id, std::move(content));
  }
  return stored;
}

TEST_CASE("chunks of all sizes come back after a flush") {
  Writing run;
  auto& lane = run.writer->make_data_lane();
  std::vector<std::pair<ChunkId, Bytes>> stored;
  for (const std::size_t size :
       {1UL, 100UL, 8192UL, 262'143UL, 262'144UL, 1'048'576UL, 2'097'152UL}) {
    for (auto& chunk : store_random(lane, 3, size, size * 10)) stored.push_back(std::move(chunk));
  }
  // Compressible ones too.
  for (const std::size_t size : {1000UL, 100'000UL, 500'000UL}) {
    const std::string text(size, 'a');
    stored.emplace_back(*lane.store(as_bytes(text)), Bytes::copy_of(as_bytes(text)));
  }
  REQUIRE(run.writer->flush());
  run.check_all_readable(stored);
  const ChunkWriterTotals totals = run.writer->totals();
  CHECK(totals.data_chunks == stored.size());
  std::uint64_t raw = 0;
  for (const auto& [id, content] : stored) raw += content.size();
  CHECK(totals.data_raw_bytes == raw);
  CHECK(totals.data_stored_bytes < raw);
  std::uint64_t on_storage = 0;
  for (const std::string& name : run.repository.names("data/"))
    on_storage += run.repository.size_of(name);
  CHECK(totals.pack_bytes == on_storage);
  std::uint64_t in_index = 0;
  for (const std::string& name : run.repository.names("index/"))
    in_index += run.repository.size_of(name);
  CHECK(totals.index_bytes == in_index);
}

TEST_CASE("a chunk is stored once: in a session, after a flush, and by a later session") {
  Writing run;
  auto& lane = run.writer->make_data_lane();
  const Bytes content = random_content(5000, 1);
  const auto id = lane.store(content);
  REQUIRE(id);
  CHECK(*lane.store(content) == *id);
  CHECK(*run.writer->make_data_lane().store(content) == *id);
  CHECK(run.writer->knows(*id));
  REQUIRE(run.writer->flush());
  CHECK(run.writer->knows(*id));
  CHECK(*lane.store(content) == *id);
  REQUIRE(run.writer->flush());
  CHECK(run.writer->totals().data_chunks == 1);
  CHECK(run.repository.names("data/").size() == 1);

  run.start();
  CHECK(*run.writer->make_data_lane().store(content) == *id);
  CHECK_FALSE(run.writer->has_stored());
  REQUIRE(run.writer->flush());
  CHECK(run.writer->totals().data_chunks == 0);
  CHECK(run.repository.names("data/").size() == 1);
  CHECK(run.repository.names("index/").size() == 1);
}

TEST_CASE("a chunk in a condemned pack is stored again") {
  Writing run;
  const Bytes content = random_content(5000, 1);
  const auto id = run.writer->make_data_lane().store(content);
  REQUIRE(run.writer->flush());
  const auto pack = names::id_of<PackId>(*ObjectName::parse(run.repository.names("data/").at(0)));
  run.writer.reset();
  run.index.set_condemned({*pack});
  run.start();
  CHECK_FALSE(run.writer->knows(*id));
  CHECK(*run.writer->make_data_lane().store(content) == *id);
  REQUIRE(run.writer->flush());
  CHECK(run.writer->knows(*id));
  CHECK(run.repository.names("data/").size() == 2);
}

TEST_CASE("without deduplication only this session's chunks count") {
  Writing run;
  const Bytes content = random_content(5000, 1);
  REQUIRE(run.writer->make_data_lane().store(content));
  REQUIRE(run.writer->flush());
  ChunkWriterOptions options = small_packs();
  options.deduplicate = false;
  run.start(options);
  auto& lane = run.writer->make_data_lane();
  REQUIRE(lane.store(content));
  REQUIRE(lane.store(content));
  REQUIRE(run.writer->flush());
  CHECK(run.writer->totals().data_chunks == 1);
  CHECK(run.repository.names("data/").size() == 2);
}

TEST_CASE("many lanes that store the same chunks store each of them once") {
  ChunkWriterOptions options = small_packs();
  options.workers = 3;
  options.uploaders = 2;
  Writing run(options);
  constexpr std::size_t kChunks = 400;
  std::vector<std::vector<std::pair<ChunkId, Bytes>>> stored(4);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < 4; ++i) {
      threads.emplace_back([&, i, &lane = run.writer->make_data_lane()] {
        stored[i] = store_random(lane, kChunks, 30'000);
      });
    }
  }
  REQUIRE(run.writer->flush());
  CHECK(run.writer->totals().data_chunks == kChunks);
  CHECK(run.chunks_listed() == kChunks);
  CHECK(run.repository.names("data/").size() > 2);
  run.check_all_readable(stored[0]);
  for (std::size_t i = 1; i < 4; ++i) {
    for (std::size_t n = 0; n < kChunks; ++n) CHECK(stored[i][n].first == stored[0][n].first);
  }
}

TEST_CASE("packs are durable before the segment that lists them") {
  Writing run;
  auto& lane = run.writer->make_data_lane();
  store_random(lane, 40, 200'000);
  REQUIRE(run.writer->store_tree(ChunkKind::directory, as_bytes("a tree node")));
  REQUIRE(run.writer->flush());
  const auto& storage = *run.repository.storage;
  CHECK(storage.calls("put data/").size() >= 2);
  CHECK(storage.calls("put tree/").size() == 1);
  std::size_t listed = 0;
  for (const std::string& name : run.repository.names("index/")) {
    const auto id = names::id_of<SegmentId>(*ObjectName::parse(name));
    const auto segment = fetch_segment(*run.repository, *id);
    REQUIRE(segment);
    for (const PackEntry& pack : segment->packs) {
      ++listed;
      CHECK(storage.position("put " + names::pack(pack.kind, pack.name).text()) <
            storage.position("put " + name));
    }
  }
  CHECK(listed == storage.calls("put data/").size() + 1);
}

TEST_CASE("tree nodes, lists and the root record share tree packs, the record last") {
  Writing run;
  const auto directory = run.writer->store_tree(ChunkKind::directory, as_bytes("directory"));
  const auto list = run.writer->store_tree(ChunkKind::list, as_bytes("list"));
  REQUIRE(run.writer->make_data_lane().store(as_bytes("data")));
  const auto root = run.writer->flush("root record");
  REQUIRE(root);
  REQUIRE(root->has_value());
  LocalIndex fresh = run.repository.empty_index();
  REQUIRE(load_index(*run.repository, fresh));
  ChunkReader reader(*run.repository, fresh);
  CHECK(as_text(reader.load(*directory, ChunkKind::directory).value()) == "directory");
  CHECK(as_text(reader.load(*list, ChunkKind::list).value()) == "list");
  CHECK(as_text(reader.load(**root, ChunkKind::root_record).value()) == "root record");
  const auto packs = run.repository.names("tree/");
  REQUIRE(packs.size() == 1);
  const auto entry = fresh.pack_entry(*names::id_of<PackId>(*ObjectName::parse(packs[0])));
  REQUIRE(entry);
  REQUIRE(entry->directory.blocks.size() == 3);
  CHECK(entry->directory.blocks.back().kind == ChunkKind::root_record);
  CHECK(entry->directory.session == kSession);
}

TEST_CASE("large chunks are blocks of their own and small ones share blocks of a few MiB") {
  Writing run;
  auto& lane = run.writer->make_data_lane();
  store_random(lane, 2, 262'144);
  store_random(lane, 50, 60'000, 100);
  REQUIRE(run.writer->flush());
  LocalIndex fresh = run.repository.empty_index();
  REQUIRE(load_index(*run.repository, fresh));
  std::size_t own = 0;
  REQUIRE(fresh.for_each_pack([&](const LocalIndex::PackSummary& pack) -> Result<void> {
    for (const Block& block : TRY(fresh.pack_entry(pack.name)).directory.blocks) {
      CHECK(block.raw <= limits::kBlockRawBytes / 2);
      CHECK(block.stored <= block.raw + kTagSize);
      if (block.ids.size() == 1 && block.raw >= 262'144) ++own;
    }
    CHECK(pack.size <= small_packs().data_pack_bytes);
    return {};
  }));
  CHECK(own == 2);
}

TEST_CASE("a writer without threads works on its caller's, in the same order each time") {
  ChunkWriterOptions alone = small_packs();
  alone.uploaders = 0;
  alone.workers = 0;
  std::vector<std::string> calls;
  for (int repeat = 0; repeat < 2; ++repeat) {
    Writing run(alone);
    const auto caller = std::this_thread::get_id();
    run.repository.storage->before = [&](const std::string&) -> Result<void> {
      CHECK(std::this_thread::get_id() == caller);
      return {};
    };
    // More packs than there are buffers.
    const auto stored = store_random(run.writer->make_data_lane(), 40, 500'000);
    CHECK(run.repository.storage->calls("put data/").size() >= 3);
    REQUIRE(run.writer->store_tree(ChunkKind::directory, as_bytes("a node")));
    REQUIRE(run.writer->flush("a root record"));
    std::vector<std::string> order;
    for (const std::string& call : run.repository.storage->calls())
      order.push_back(call.substr(0, call.find('/')));
    if (repeat == 0) calls = order;
    CHECK(order == calls);
    run.repository.storage->before = nullptr;
    run.check_all_readable(stored);

    run.start(alone);
    run.repository.storage->before = [](const std::string& call) -> Result<void> {
      if (call.starts_with("put tree/")) return fail(ErrorCode::no_space, "full");
      return {};
    };
    REQUIRE(run.writer->store_tree(ChunkKind::directory, as_bytes("another node")));
    const auto failed = run.writer->flush();
    REQUIRE_FALSE(failed);
    CHECK(failed.error().code == ErrorCode::no_space);
  }
}

TEST_CASE("a failing storage shows in flush and stops the writer without hanging") {
  ErrorCode code = ErrorCode::no_space;
  for (const char* victim : {"put data/", "put index/", "put tree/"}) {
    CAPTURE(victim);
    Writing run;
    run.repository.storage->before = [&](const std::string& call) -> Result<void> {
      if (call.starts_with(victim)) return fail(code, "the disk is full");
      return {};
    };
    auto& lane = run.writer->make_data_lane();
    // More than all buffers hold, so that something would wait for ever.
    bool refused = false;
    for (std::uint64_t i = 0; i < 60 && !refused; ++i) {
      refused = !lane.store(random_content(500'000, i)) ||
                !run.writer->store_tree(ChunkKind::directory, random_content(200'000, i + 1000));
    }
    const auto flushed = run.writer->flush();
    REQUIRE_FALSE(flushed);
    CHECK(flushed.error().code == code);
    CHECK(flushed.error().message.find("the disk is full") != std::string::npos);
    // And it stays so.
    CHECK_FALSE(run.writer->flush());
    CHECK_FALSE(lane.store(random_content(300'000, 77)));
  }
}

TEST_CASE("a failure in the middle leaves no segment that lists a pack which is not there") {
  Writing run;
  std::atomic<int> packs = 0;
  run.repository.storage->before = [&](const std::string& call) -> Result<void> {
    if (call.starts_with("put data/") && ++packs == 3) return fail(ErrorCode::io, "gone");
    return {};
  };
  auto& lane = run.writer->make_data_lane();
  for (std::uint64_t i = 0; i < 60; ++i) {
    if (!lane.store(random_content(500'000, i))) break;
  }
  CHECK_FALSE(run.writer->flush());
  run.writer.reset();
  run.repository.storage->before = nullptr;
  LocalIndex fresh = run.repository.empty_index();
  REQUIRE(load_index(*run.repository, fresh));
  const auto present = run.repository.names("data/");
  REQUIRE(fresh.for_each_pack([&](const LocalIndex::PackSummary& pack) -> Result<void> {
    CHECK(std::ranges::count(present, names::pack(pack.kind, pack.name).text()) == 1);
    return {};
  }));
}

TEST_CASE("a writer that is dropped without a flush stops at once") {
  for (const bool with_work : {false, true}) {
    Writing run;
    auto& lane = run.writer->make_data_lane();
    if (with_work) {
      for (std::uint64_t i = 0; i < 12; ++i) REQUIRE(lane.store(random_content(500'000, i)));
      REQUIRE(lane.store(as_bytes("still in the lane")));
    }
    run.writer.reset();
    CHECK(run.repository.names("index/").empty());
  }
}

TEST_CASE("settling makes the totals exact without closing packs") {
  Writing run;
  store_random(run.writer->make_data_lane(), 10, 5000);
  REQUIRE(run.writer->settle());
  CHECK(run.writer->totals().data_chunks == 10);
  CHECK(run.repository.names("data/").empty());
  CHECK(run.writer->has_stored());
  REQUIRE(run.writer->flush());
  CHECK(run.repository.names("data/").size() == 1);
}

TEST_CASE("a flush of nothing stores nothing") {
  Writing run;
  const auto flushed = run.writer->flush();
  REQUIRE(flushed);
  CHECK_FALSE(flushed->has_value());
  CHECK(run.repository.storage->calls().empty());
  CHECK_FALSE(run.writer->has_stored());
}

TEST_CASE("discarding counts what would be stored and stores nothing") {
  ChunkWriterOptions options = small_packs();
  options.discard = true;
  Writing run(options);
  auto& lane = run.writer->make_data_lane();
  store_random(lane, 20, 50'000);
  store_random(lane, 20, 50'000);
  store_random(lane, 1, 400'000);
  REQUIRE(run.writer->store_tree(ChunkKind::directory, as_bytes("node")));
  REQUIRE(run.writer->settle());
  const ChunkWriterTotals totals = run.writer->totals();
  CHECK(totals.data_chunks == 21);
  CHECK(totals.data_raw_bytes == 20 * 50'000 + 190 + 400'000);
  CHECK(totals.tree_chunks == 1);
  CHECK(totals.tree_raw_bytes == 4);
  CHECK(totals.pack_bytes == 0);
  CHECK(run.repository.storage->calls().empty());
}

TEST_CASE("every way of compressing, verifying or not, restores the same") {
  for (const bool verify : {true, false}) {
    for (const int level : {-5, 3, 9}) {
      ChunkWriterOptions options = small_packs();
      options.verify = verify;
      options.compression_level = level;
      Writing run(options);
      std::string text;
      for (int i = 0; i < 30'000; ++i) text += std::to_string(i * level);
      const auto id = run.writer->make_data_lane().store(as_bytes(text));
      REQUIRE(run.writer->flush());
      std::vector<std::pair<ChunkId, Bytes>> stored;
      stored.emplace_back(*id, Bytes::copy_of(as_bytes(text)));
      run.check_all_readable(stored);
    }
  }
}

// A block of three chunks that compress well, and what is stored for it.
struct ReadyBlock {
  Block block;
  Bytes stored;
  std::vector<std::pair<ChunkId, Bytes>> chunks;

  explicit ReadyBlock(const Repository& repository) {
    std::string raw;
    for (const char letter : {'a', 'b', 'c'}) {
      const std::string text(50'000, letter);
      const ChunkId id = chunk_id(repository.bundle().keys.id_key, ChunkKind::data, as_bytes(text));
      block.ids.push_back(id);
      block.lengths.push_back(50'000);
      chunks.emplace_back(id, Bytes::copy_of(as_bytes(text)));
      raw += text;
    }
    Compressor compressor(3);
    const auto compressed = compressor.compress(as_bytes(raw));
    block.codec = compressed.codec;
    block.raw = static_cast<std::uint32_t>(raw.size());
    stored = Bytes::copy_of(compressed.bytes);
  }
};

TEST_CASE("a whole block is sealed as it was stored elsewhere") {
  Writing run;
  ReadyBlock ready(*run.repository);
  REQUIRE(ready.block.codec == Codec::zstd);
  const std::size_t stored_size = ready.stored.size();
  REQUIRE(run.writer->store_block(ready.block, std::move(ready.stored)));
  for (const ChunkId& id : ready.block.ids) CHECK(run.writer->knows(id));
  REQUIRE(run.writer->flush());
  run.check_all_readable(ready.chunks);
  CHECK(run.writer->totals().data_chunks == 3);
  CHECK(run.writer->totals().data_raw_bytes == 150'000);
  CHECK(run.writer->totals().data_stored_bytes == stored_size + kTagSize);
}

TEST_CASE("a block that is not what its ids say does not get into a pack") {
  Writing run;
  ReadyBlock ready(*run.repository);
  std::swap(ready.block.ids[0], ready.block.ids[1]);
  REQUIRE(run.writer->store_block(ready.block, std::move(ready.stored)));
  CHECK_FALSE(run.writer->flush());
  CHECK(run.repository.names("data/").empty());
}

TEST_CASE("a chunk or node that no reader would take is refused before anything is stored") {
  Writing run;
  auto& lane = run.writer->make_data_lane();
  CHECK(lane.store(as_bytes(std::string(limits::kChunkBytes, 'a'))));
  CHECK_FALSE(lane.store(Bytes(limits::kChunkBytes + 1)));
  CHECK_FALSE(lane.store({}));
  CHECK(
      run.writer->store_tree(ChunkKind::directory, as_bytes(std::string(limits::kNodeBytes, 'b'))));
  CHECK_FALSE(run.writer->store_tree(ChunkKind::directory, Bytes(limits::kNodeBytes + 1)));
  CHECK_FALSE(run.writer->store_tree(ChunkKind::list, Bytes(limits::kNodeBytes + 1)));
  CHECK(run.writer->store_tree(ChunkKind::root_record,
                               as_bytes(std::string(limits::kChunkBytes, 'c'))));
  CHECK_FALSE(run.writer->store_tree(ChunkKind::root_record, Bytes(limits::kChunkBytes + 1)));
  // Nor does the writer fail because of them.
  REQUIRE(run.writer->flush());
  CHECK(run.chunks_listed() == 3);
}

}  // namespace
}  // namespace lagan
