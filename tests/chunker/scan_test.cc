// SPDX-License-Identifier: Apache-2.0
#include "chunker/scan.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "chunker/chunker.h"
#include "chunker/judge.h"
#include "tests/chunker/test_data.h"

namespace lagan {

namespace {

std::vector<Scan*> available_scans() {
  std::vector<Scan*> scans;
  for (const Implementation implementation : available_implementations()) {
    switch (implementation) {
      case Implementation::portable:
        scans.push_back(scan_portable);
        break;
#if defined(__x86_64__)
      case Implementation::avx2:
        scans.push_back(scan_avx2);
        break;
      case Implementation::avx512:
        scans.push_back(scan_avx512);
        break;
#elif defined(__aarch64__)
      case Implementation::neon:
        scans.push_back(scan_neon);
        break;
#endif
      default:
        FAIL("an implementation without a scan");
    }
  }
  return scans;
}

constexpr std::uint32_t kBits = 6;

std::size_t naive_scan(const naive::Seed& seed, ByteSpan data, std::size_t from, std::size_t to,
                       std::uint64_t threshold) {
  for (std::size_t i = from; i < to; ++i) {
    if (naive::is_candidate(seed, kBits, data.data(), i) &&
        naive::is_below(seed, data.data(), i, threshold)) {
      return i;
    }
  }
  return to;
}

// Every accepted position of data[64, to), each scan starting where the last one stopped.
void check_all_found(const naive::Seed& seed, ByteSpan data, std::size_t to,
                     std::uint64_t threshold) {
  const ChunkerKey key(seed);
  const auto mask = static_cast<std::uint16_t>(0xffff0000u >> kBits);
  const ScanKey scan_key = {key.table.data(), key.low.data(), key.high.data(), mask,
                            static_cast<std::uint16_t>(key.constant & mask)};
  for (Scan* const scan : available_scans()) {
    for (std::size_t from = 64; from < to;) {
      Judge judge(key.prf, threshold, data.data(), to);
      const std::size_t found = scan(scan_key, data.data(), from, to, judge);
      REQUIRE(found == naive_scan(seed, data, from, to, threshold));
      from = found + 1;
    }
  }
}

}  // namespace

TEST_CASE("every scan finds the positions that the definition names, from any start") {
  for (std::uint64_t number = 0; number < 8; ++number) {
    CAPTURE(number);
    const naive::Seed seed = seed_number(number);
    const Bytes data = random_bytes(20000, number);
    check_all_found(seed, data, data.size(), std::uint64_t{1} << 63);
    check_all_found(seed, data, data.size(), std::uint64_t{1} << 61);
  }
}

TEST_CASE("every scan stops where it is told") {
  const naive::Seed seed = seed_number(3);
  const Bytes data = random_bytes(600, 3);
  for (std::size_t to = 65; to < data.size(); ++to) {
    CAPTURE(to);
    check_all_found(seed, data, to, std::uint64_t{1} << 63);
  }
}

TEST_CASE("every scan finds the same in repetitions full of candidates") {
  for (const std::size_t period : {1u, 2u, 5u, 16u, 48u, 100u}) {
    for (std::uint64_t number = 0; number < 4; ++number) {
      CAPTURE(period);
      CAPTURE(number);
      Bytes data = periodic_bytes(5000, period, number);
      const naive::Seed seed = with_candidate_at(seed_number(number), data, 99);
      // Repetitions of all lengths, with single bytes between them.
      Random random(number);
      for (std::size_t at = 200; at < data.size(); at += random.below(300)) {
        data.data()[at] ^= std::byte{4};
      }
      check_all_found(seed, data, data.size(), std::uint64_t{1} << 60);
    }
  }
}

}  // namespace lagan
