// SPDX-License-Identifier: Apache-2.0
#include "src/engine/chunk_tally.h"

#include <doctest/doctest.h>

namespace lagan {
namespace {

TEST_CASE("what is added twice counts once, however much there is") {
  ChunkTally tally;
  for (std::uint64_t round = 0; round < 3; ++round)
    for (std::uint64_t i = 0; i < 100'000; ++i) tally.add(mix_keys(i, 0), 10);
  CHECK(tally.total().count == 100'000);
  CHECK(tally.total().bytes == 1'000'000);
}

TEST_CASE("a difference leaves out what the other has") {
  ChunkTally all, odd;
  for (std::uint64_t i = 0; i < 100; ++i) {
    all.add(i, i);
    if (i % 2 == 1) odd.add(i, i);
  }
  CHECK(all.total_without(odd).count == 50);
  CHECK(all.total_without(odd).bytes == 2450);
  CHECK(odd.total_without(all).count == 0);
}

}  // namespace
}  // namespace lagan
