// SPDX-License-Identifier: Apache-2.0
#include "repo/bloom_filter.h"

#include <doctest/doctest.h>

#include <vector>

#include "tests/repo/index_samples.h"

using namespace lagan;
using samples::Samples;

TEST_CASE("a Bloom filter knows what was inserted, and little else") {
  constexpr std::uint64_t kKeys = 20'000;
  Samples random(1);
  const std::uint64_t blocks = bloom::block_count(kKeys);
  std::vector<std::byte> filter(blocks * bloom::kBlockSize);
  const auto block = [&](const ChunkId& id) {
    return filter.data() + bloom::block_of(id, blocks) * bloom::kBlockSize;
  };
  std::vector<ChunkId> known;
  for (std::uint64_t i = 0; i < kKeys; ++i) {
    known.push_back(random.id<ChunkId>());
    bloom::insert(block(known.back()), known.back());
  }
  for (const ChunkId& id : known) CHECK(bloom::may_contain(block(id), id));
  std::uint64_t passed = 0;
  for (int i = 0; i < 100'000; ++i) {
    const auto id = random.id<ChunkId>();
    passed += bloom::may_contain(block(id), id) ? 1u : 0u;
  }
  CHECK(passed < 300);  // 0.13 % expected
}

TEST_CASE("a Bloom filter without keys passes nothing") {
  const std::vector<std::byte> filter(bloom::block_count(0) * bloom::kBlockSize);
  CHECK(filter.size() == bloom::kBlockSize);
  CHECK(!bloom::may_contain(filter.data(), Samples(2).id<ChunkId>()));
}
