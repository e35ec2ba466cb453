// SPDX-License-Identifier: Apache-2.0
#include "chunker/judge.h"

#include <doctest/doctest.h>

#include "tests/chunker/test_data.h"

namespace lagan {

namespace {

constexpr std::uint64_t kRefuseAll = 0;

PrfKey prf_of(const naive::Seed& seed) {
  PrfKey key;
  std::memcpy(key.data(), seed.data() + 64, key.size());
  return key;
}

}  // namespace

TEST_CASE("a candidate is a cut if SipHash of its last 32 bytes is below the threshold") {
  const naive::Seed seed = seed_number(1);
  const PrfKey key = prf_of(seed);
  const Bytes data = random_bytes(4096, 2);
  for (const std::uint64_t threshold : {std::uint64_t{1} << 60, std::uint64_t{1} << 63}) {
    Judge judge(key, threshold, data.data(), data.size());
    for (std::size_t i = 64; i < data.size(); ++i) {
      const bool is_cut = naive::is_below(seed, data.data(), i, threshold);
      REQUIRE(judge.consider(i) == (is_cut ? i : i + 1));
    }
  }
}

TEST_CASE("the judge jumps to the end of a repetition, whatever its period") {
  const PrfKey key = prf_of(seed_number(1));
  for (const std::size_t period : {1u, 2u, 3u, 16u, 31u, 33u, 500u}) {
    CAPTURE(period);
    const std::size_t end = 20000;
    const std::size_t broken = 15001;
    Bytes data = periodic_bytes(end, period, period);
    data.data()[broken] ^= std::byte{1};
    Judge judge(key, kRefuseAll, data.data(), end);
    std::size_t asked = 0;
    std::size_t at = 64;
    while (at < broken) at = judge.consider(at), ++asked;
    CHECK(at == broken);
    CHECK(asked <= 3 * period + 3);
  }
}

TEST_CASE("the judge never points past the end") {
  const PrfKey key = prf_of(seed_number(1));
  const Bytes data = zero_bytes(2000);
  for (std::size_t end = 100; end < 140; ++end) {
    Judge judge(key, kRefuseAll, data.data(), end);
    CHECK(judge.consider(70) == 71);
    CHECK(judge.consider(71) == end);
  }
}

}  // namespace lagan
