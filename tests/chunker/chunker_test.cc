// SPDX-License-Identifier: Apache-2.0
#include "chunker/chunker.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/chunker/test_data.h"

namespace lagan {

namespace {

struct Setup {
  ChunkSizes sizes;
  std::uint32_t prefilter_bits;
};

// The default classes, and sizes that are no multiple of anything.
std::vector<Setup> setups() {
  std::vector<Setup> all = {{{64, 128, 129}, 4},       {{64, 129, 1000}, 4},
                            {{97, 1201, 5003}, 8},     {{8191, 12345, 12346}, 10},
                            {{1000, 9999, 77777}, 11}, {{100, 70001, 70003}, 14}};
  for (const SizeClass& each : default_chunker_params().classes) all.push_back({each.sizes, 10});
  return all;
}

std::vector<std::size_t> sequential_cuts(const Chunker& chunker, ByteSpan data) {
  std::vector<std::size_t> cuts;
  for (std::size_t at = 0; at < data.size(); cuts.push_back(at)) {
    at += chunker.next_cut(data.subspan(at), true);
  }
  return cuts;
}

std::vector<Bytes> inputs(std::size_t size_bytes) {
  std::vector<Bytes> all;
  all.push_back(random_bytes(size_bytes, 1));
  all.push_back(text_bytes(size_bytes, 2));
  all.push_back(zero_bytes(size_bytes));
  for (const std::size_t period : {2u, 16u, 100u, 5000u}) {
    all.push_back(periodic_bytes(size_bytes, period, period));
  }
  return all;
}

bool respects(const ChunkSizes& sizes, const std::vector<std::size_t>& cuts) {
  std::size_t start = 0;
  for (const std::size_t cut : cuts) {
    const std::size_t length = cut - start;
    if (length == 0 || length > sizes.max) return false;
    if (length <= sizes.min && cut != cuts.back()) return false;
    start = cut;
  }
  return true;
}

// The cuts that a reader makes who gets the stream in slices of random sizes.
std::vector<std::size_t> sliced_cuts(const Chunker& chunker, ByteSpan data, std::uint64_t seed) {
  Random random(seed);
  std::vector<std::size_t> cuts;
  std::size_t start = 0;
  std::size_t have = 0;
  while (start < data.size()) {
    const bool is_last = have == data.size();
    if (is_last || have - start >= chunker.sizes().max) {
      start += chunker.next_cut(data.subspan(start, have - start), is_last);
      cuts.push_back(start);
    } else {
      have = std::min<std::size_t>(data.size(), have + 1 + random.below(2 * chunker.sizes().max));
    }
  }
  return cuts;
}

}  // namespace

TEST_CASE("the key is taken from the seed in the order of the format") {
  naive::Seed seed;
  for (std::size_t i = 0; i < seed.size(); ++i) seed[i] = static_cast<std::byte>(i);
  const ChunkerKey key(seed);
  CHECK(key.low[0] == 0x0100);
  CHECK(key.low[15] == 0x1f1e);
  CHECK(key.high[0] == 0x2120);
  CHECK(key.high[15] == 0x3f3e);
  CHECK(key.table[0x2f] == (0x1f1e ^ 0x2524));
  CHECK(key.prf[0] == std::byte{64});
  CHECK(key.prf[15] == std::byte{79});
  CHECK(key.constant == 0x5150);
}

TEST_CASE("every implementation cuts where the definition says, for all sizes and data") {
  const naive::Seed seed = seed_number(11);
  const ChunkerKey key(seed);
  const std::vector<Bytes> all = inputs(1 << 20);
  for (const Setup& setup : setups()) {
    CAPTURE(setup.sizes.avg);
    for (const Bytes& data : all) {
      const auto expected = naive::cuts(seed, setup.sizes, setup.prefilter_bits, data);
      for (const Implementation implementation : available_implementations()) {
        const Chunker chunker(key, setup.sizes, setup.prefilter_bits, implementation);
        const auto cuts = sequential_cuts(chunker, data);
        REQUIRE(cuts == expected);
        REQUIRE(respects(setup.sizes, cuts));
      }
    }
  }
}

TEST_CASE(
    "every implementation cuts where the definition says where repeats are full of candidates") {
  const std::size_t size_bytes = 200000;
  for (const std::size_t period : {1u, 2u, 16u, 100u}) {
    for (std::uint64_t number = 0; number < 6; ++number) {
      CAPTURE(period);
      CAPTURE(number);
      const Bytes data = periodic_bytes(size_bytes, period, number);
      const naive::Seed seed = with_candidate_at(seed_number(number), data, 199);
      const ChunkSizes sizes = {8192, 16384, 65536};
      const auto expected = naive::cuts(seed, sizes, 10, data);
      const ChunkerKey key(seed);
      for (const Implementation implementation : available_implementations()) {
        REQUIRE(sequential_cuts(Chunker(key, sizes, 10, implementation), data) == expected);
      }
    }
  }
}

TEST_CASE("data of any length is cut the same by every implementation") {
  const naive::Seed seed = seed_number(5);
  const ChunkerKey key(seed);
  const ChunkSizes sizes = {64, 200, 500};
  const Bytes data = random_bytes(700, 5);
  for (std::size_t size_bytes = 0; size_bytes <= data.size(); ++size_bytes) {
    const ByteSpan part = data.span().first(size_bytes);
    for (const Implementation implementation : available_implementations()) {
      REQUIRE(sequential_cuts(Chunker(key, sizes, 4, implementation), part) ==
              naive::cuts(seed, sizes, 4, part));
    }
  }
}

TEST_CASE("a stream no longer than min is one chunk, an empty one is none") {
  const ChunkerKey key(seed_number(1));
  const Chunker chunker(key, {8192, 16384, 65536}, 10);
  CHECK(chunker.next_cut({}, true) == 0);
  CHECK(chunker.next_cut(random_bytes(1, 1), true) == 1);
  CHECK(chunker.next_cut(random_bytes(8192, 1), true) == 8192);
}

// A change here is a change of the format: existing repositories would stop deduplicating.
TEST_CASE("the cuts of a known stream never change") {
  const naive::Seed seed = seed_number(2026);
  const ChunkerKey key(seed);
  const Bytes data = random_bytes(512 << 10, 4711);
  const std::vector<std::size_t> small = {
      19872,  49025,  72108,  89086,  101875, 119714, 133806, 146572, 168682, 182798, 191417,
      206167, 223122, 240676, 264753, 273373, 292093, 316002, 327135, 348762, 374217, 399971,
      416882, 430824, 440303, 453767, 462931, 479892, 490547, 508384, 524288};
  CHECK(naive::cuts(seed, {8192, 16384, 65536}, 10, data) == small);
  CHECK(sequential_cuts(Chunker(key, {8192, 16384, 65536}, 10), data) == small);

  const Bytes text = text_bytes(64 << 10, 4711);
  const std::vector<std::size_t> odd = {12345, 16738, 24709, 27368, 32654,
                                        43659, 55284, 65396, 65536};
  CHECK(naive::cuts(seed, {1000, 9999, 12345}, 11, text) == odd);
  CHECK(sequential_cuts(Chunker(key, {1000, 9999, 12345}, 11), text) == odd);
}

TEST_CASE("cuts do not depend on how a stream was sliced") {
  const ChunkerKey key(seed_number(3));
  for (const Bytes& data : inputs(1 << 20)) {
    for (const Setup& setup : setups()) {
      const Chunker chunker(key, setup.sizes, setup.prefilter_bits);
      for (std::uint64_t seed = 0; seed < 3; ++seed) {
        CAPTURE(setup.sizes.avg);
        CAPTURE(seed);
        REQUIRE(sliced_cuts(chunker, data, seed) == sequential_cuts(chunker, data));
      }
    }
  }
}

TEST_CASE("a byte put in changes few chunks") {
  const ChunkerKey key(seed_number(4));
  const Chunker chunker(key, {8192, 16384, 65536}, 10);
  const std::size_t size_bytes = 4 << 20;
  Random random(4);
  std::size_t changed = 0;
  constexpr int kTries = 20;
  for (int i = 0; i < kTries; ++i) {
    const Bytes before = i % 2 == 0 ? random_bytes(size_bytes, 9) : text_bytes(size_bytes, 9);
    const std::size_t place = random.below(size_bytes);
    Bytes after(size_bytes + 1);
    std::memcpy(after.data(), before.data(), place);
    after.data()[place] = std::byte{'!'};
    std::memcpy(after.data() + place + 1, before.data() + place, size_bytes - place);

    // A chunk of the new stream is known if it starts and ends where an old one did.
    const std::vector<std::size_t> old_cuts = sequential_cuts(chunker, before);
    const auto was_cut = [&](std::size_t cut) {
      return cut == 0 || std::ranges::binary_search(old_cuts, cut > place ? cut - 1 : cut);
    };
    std::size_t start = 0;
    for (const std::size_t cut : sequential_cuts(chunker, after)) {
      const bool holds_place = start <= place && place < cut;
      changed += holds_place || !was_cut(start) || !was_cut(cut);
      start = cut;
    }
  }
  INFO("chunks changed by " << kTries << " insertions: " << changed);
  CHECK(changed <= 5 * kTries);
}

TEST_CASE("chunks of random data are on average about avg long") {
  for (const SizeClass& each : default_chunker_params().classes) {
    const ChunkSizes sizes = each.sizes;
    CAPTURE(sizes.avg);
    std::size_t chunks = 0;
    std::size_t total_bytes = 0;
    for (std::uint64_t number = 0; number < 4; ++number) {
      const ChunkerKey key(seed_number(number));
      const Bytes data = random_bytes(std::size_t{400} * sizes.avg / 4, number);
      chunks += sequential_cuts(Chunker(key, sizes, 10), data).size();
      total_bytes += data.size();
    }
    const double mean = static_cast<double>(total_bytes) / static_cast<double>(chunks);
    CHECK(mean > 0.9 * sizes.avg);
    CHECK(mean < 1.2 * sizes.avg);
  }
}

TEST_CASE("several threads find the cuts of one") {
  const ChunkerKey key(seed_number(6));
  const Setup setup = {{97, 1201, 5003}, 8};
  const Chunker chunker(key, setup.sizes, setup.prefilter_bits);
  for (const std::size_t size_bytes : {0u, 1u, 5003u, 76865u, 1000000u, 1500007u}) {
    for (const Bytes& data : inputs(size_bytes)) {
      const auto expected = sequential_cuts(chunker, data);
      for (const std::size_t threads : {0u, 1u, 2u, 3u, 8u, 100u}) {
        CAPTURE(size_bytes);
        CAPTURE(threads);
        REQUIRE(find_cuts(chunker, data, threads) == expected);
      }
    }
  }
}

TEST_CASE("several threads find the cuts of one where their cuts never meet") {
  const ChunkSizes sizes = {97, 1201, 5003};
  const Bytes zeros = zero_bytes(1000003);
  // One constant makes every position a candidate, the next none at all: then only max cuts.
  naive::Seed seed = with_candidate_at(seed_number(7), zeros, 64);
  for (int i = 0; i < 2; ++i) {
    const ChunkerKey key(seed);
    const Chunker chunker(key, sizes, 8);
    CHECK(find_cuts(chunker, zeros, 7) == sequential_cuts(chunker, zeros));
    seed[81] ^= std::byte{0x80};
  }

  // Random data at the front only, so that the workers' cuts meet late or not at all.
  const ChunkerKey key(seed);
  const Chunker chunker(key, sizes, 8);
  Bytes mixed = zero_bytes(1000003);
  for (std::size_t front = 0; front < mixed.size(); front += 43210) {
    CAPTURE(front);
    std::memcpy(mixed.data(), random_bytes(front, 1).data(), front);
    REQUIRE(find_cuts(chunker, mixed, 5) == sequential_cuts(chunker, mixed));
  }
}

}  // namespace lagan
