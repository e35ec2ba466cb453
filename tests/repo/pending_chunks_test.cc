// SPDX-License-Identifier: Apache-2.0
#include "repo/pending_chunks.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "tests/repo/samples.h"

namespace lagan {
namespace {

ChunkId numbered(std::uint32_t number) {
  ChunkId id;
  for (std::size_t i = 0; i < 4; ++i) {
    id.bytes[i] = id.bytes[31 - i] = static_cast<std::byte>(number >> (8 * i) & 0xff);
  }
  return id;
}

TEST_CASE("who claims a chunk first stores it") {
  PendingChunks pending;
  const auto id = samples::id<ChunkId>(1);
  CHECK_FALSE(pending.contains(id));
  CHECK(pending.claim(id));
  CHECK_FALSE(pending.claim(id));
  CHECK(pending.contains(id));
  pending.forget(std::vector{id, samples::id<ChunkId>(2)});
  CHECK_FALSE(pending.contains(id));
  CHECK(pending.claim(id));
}

TEST_CASE("of many threads that claim the same chunks each chunk has one owner") {
  PendingChunks pending;
  constexpr std::uint32_t kChunks = 5000;
  std::atomic<std::uint32_t> claimed = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (std::uint32_t n = 0; n < kChunks; ++n) claimed += pending.claim(numbered(n)) ? 1 : 0;
      });
    }
  }
  CHECK(claimed == kChunks);
}

}  // namespace
}  // namespace lagan
