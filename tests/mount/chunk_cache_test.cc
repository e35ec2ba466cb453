// SPDX-License-Identifier: Apache-2.0
#include "mount/chunk_cache.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "tests/repo/memory_chunks.h"

namespace lagan {
namespace {

std::string text(const Result<ChunkCache::Chunk>& chunk) {
  REQUIRE(chunk);
  return std::string(as_text(**chunk));
}

TEST_CASE("a chunk is fetched once while there is room, and again when it had to go") {
  MemoryChunks chunks;
  const ChunkId small = chunks.put(ChunkKind::data, as_bytes("small"));
  const ChunkId large = chunks.put(ChunkKind::data, as_bytes(std::string(10'000, 'x')));
  ChunkCache cache(chunks.source(), 8'000, 0);
  for (int i = 0; i < 3; ++i) CHECK(text(cache.load(small)) == "small");
  CHECK(chunks.gets == 1);
  CHECK(text(cache.load(large)).size() == 10'000);
  CHECK(text(cache.load(small)) == "small");
  CHECK(chunks.gets == 3);
}

TEST_CASE("what cannot be fetched is an error each time, and may be there later") {
  MemoryChunks chunks;
  const ChunkId id = MemoryChunks::id_of(ChunkKind::data, as_bytes("late"));
  ChunkCache cache(chunks.source(), 1000, 0);
  CHECK(cache.load(id).error().code == ErrorCode::not_found);
  chunks.put(ChunkKind::data, as_bytes("late"));
  CHECK(text(cache.load(id)) == "late");
}

TEST_CASE("several threads that want one chunk wait for one fetch") {
  std::atomic<int> gets = 0;
  ChunkCache cache(
      [&](const ChunkId&, ChunkKind) -> Result<Bytes> {
        ++gets;
        return Bytes::copy_of(as_bytes("content"));
      },
      1'000'000, 0);
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (std::uint8_t i = 0; i < 100; ++i) {
        ChunkId id;
        id.bytes[0] = std::byte{i};
        CHECK(text(cache.load(id)) == "content");
      }
    });
  }
  threads.clear();
  CHECK(gets == 100);
}

TEST_CASE("what is fetched ahead is there when it is asked for") {
  MemoryChunks chunks;
  std::vector<ChunkId> ids;
  for (int i = 0; i < 20; ++i)
    ids.push_back(chunks.put(ChunkKind::data, as_bytes(std::to_string(i))));
  ChunkCache cache(chunks.source(), 1'000'000, 1);
  for (const ChunkId& id : ids) cache.prefetch(id);
  for (const ChunkId& id : ids) cache.prefetch(id);
  cache.settle();
  CHECK(chunks.gets == 20);
  CHECK(text(cache.load(ids[7])) == "7");
  CHECK(chunks.gets == 20);
}

ChunkId numbered(std::uint8_t block, std::size_t number) {
  ChunkId id;
  id.bytes[0] = std::byte{block};
  id.bytes[1] = static_cast<std::byte>(number % 256);
  id.bytes[2] = static_cast<std::byte>(number / 256);
  return id;
}

TEST_CASE("who fetches the first chunk of a block ahead has taken all of it") {
  constexpr std::size_t kWaitingMax = 1024;
  std::atomic<bool> is_open = false, has_asked = false;
  std::atomic<std::size_t> gets = 0;
  ChunkCache* cache = nullptr;
  ChunkCache made(
      [&](const ChunkId& id, ChunkKind) -> Result<Bytes> {
        is_open.wait(false);
        ++gets;
        // Nothing waits any more, so all of these have room.
        if (id.bytes[0] == std::byte{1} && !has_asked.exchange(true)) {
          for (std::size_t i = 0; i < kWaitingMax; ++i) cache->prefetch(numbered(2, i));
        }
        return Bytes::copy_of(as_bytes("content"));
      },
      1'000'000, 1, [](const ChunkId& id) { return std::to_integer<std::uint64_t>(id.bytes[0]); });
  cache = &made;
  made.prefetch(numbered(0, 0));
  for (std::size_t i = 0; i < kWaitingMax - 1; ++i) made.prefetch(numbered(1, i));
  is_open = true;
  is_open.notify_all();
  made.settle();
  CHECK(gets == 1 + (kWaitingMax - 1) + kWaitingMax);
}

TEST_CASE("a storage that is away is asked once for a block, not for each of its chunks") {
  std::atomic<bool> is_open = false;
  std::atomic<int> gets = 0;
  ChunkCache cache(
      [&](const ChunkId&, ChunkKind) -> Result<Bytes> {
        is_open.wait(false);
        ++gets;
        return fail(ErrorCode::unavailable, "no network");
      },
      1'000'000, 1, [](const ChunkId&) { return std::uint64_t{7}; });
  for (std::uint8_t i = 0; i < 40; ++i) {
    ChunkId id;
    id.bytes[0] = std::byte{i};
    cache.prefetch(id);
  }
  is_open = true;
  is_open.notify_all();
  cache.settle();
  // The first may have been taken before the others were wanted.
  CHECK(gets <= 2);
  CHECK(cache.load(ChunkId()).error().code == ErrorCode::unavailable);
}

}  // namespace
}  // namespace lagan
