// SPDX-License-Identifier: Apache-2.0
#pragma once

// Cut points a second time, straight from docs/format.md ("Where to cut") and sharing no code with
// the chunker: explicit sums instead of rolling, a SipHash of its own, no skipping of repeats.

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "chunker/params.h"
#include "util/bytes.h"

namespace lagan::naive {

using Seed = std::array<std::byte, 82>;

inline std::uint64_t number(const std::byte* from, std::size_t size_bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = size_bytes; i > 0; --i) {
    value = value << 8 | std::to_integer<std::uint64_t>(from[i - 1]);
  }
  return value;
}

// The reference algorithm for 32 bytes of input.
inline std::uint64_t siphash(const std::byte* key, const std::byte* input) {
  const std::uint64_t k0 = number(key, 8), k1 = number(key + 8, 8);
  std::uint64_t v0 = k0 ^ 0x736f6d6570736575, v1 = k1 ^ 0x646f72616e646f6d;
  std::uint64_t v2 = k0 ^ 0x6c7967656e657261, v3 = k1 ^ 0x7465646279746573;
  const auto round = [&] {
    v0 += v1, v1 = std::rotl(v1, 13) ^ v0, v0 = std::rotl(v0, 32);
    v2 += v3, v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3, v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1, v1 = std::rotl(v1, 17) ^ v2, v2 = std::rotl(v2, 32);
  };
  const auto absorb = [&](std::uint64_t word) {
    v3 ^= word;
    round(), round();
    v0 ^= word;
  };
  for (std::size_t i = 0; i < 4; ++i) absorb(number(input + 8 * i, 8));
  absorb(std::uint64_t{32} << 56);
  v2 ^= 0xff;
  round(), round(), round(), round();
  return v0 ^ v1 ^ v2 ^ v3;
}

inline std::uint16_t window_hash(const Seed& seed, const std::byte* data, std::size_t position) {
  std::uint64_t sum = 0;
  for (std::size_t j = 0; j < 16; ++j) {
    const auto byte = std::to_integer<std::size_t>(data[position - j]);
    const std::uint64_t low = number(seed.data() + 2 * (byte & 15), 2);
    const std::uint64_t high = number(seed.data() + 32 + 2 * (byte >> 4), 2);
    sum += (low ^ high) << j;
  }
  return static_cast<std::uint16_t>(sum);
}

inline bool is_candidate(const Seed& seed, std::uint32_t prefilter_bits, const std::byte* data,
                         std::size_t position) {
  const auto wanted = static_cast<std::uint16_t>(number(seed.data() + 80, 2));
  return window_hash(seed, data, position) >> (16 - prefilter_bits) ==
         wanted >> (16 - prefilter_bits);
}

inline bool is_below(const Seed& seed, const std::byte* data, std::size_t position,
                     std::uint64_t threshold) {
  return siphash(seed.data() + 64, data + position - 31) < threshold;
}

inline std::vector<std::size_t> cuts(const Seed& seed, const ChunkSizes& sizes,
                                     std::uint32_t prefilter_bits, ByteSpan data) {
  __extension__ using Uint128 = unsigned __int128;
  const auto strict =
      static_cast<std::uint64_t>((Uint128{1} << (63 + prefilter_bits)) / (sizes.avg - sizes.min));
  const std::uint64_t loose = 4 * strict;
  std::vector<std::size_t> found;
  std::size_t start = 0;
  for (std::size_t i = 0; i < data.size(); ++i) {
    const std::size_t length = i - start + 1;
    if (length <= sizes.min) continue;
    const bool cut = length == sizes.max ||
                     (is_candidate(seed, prefilter_bits, data.data(), i) &&
                      is_below(seed, data.data(), i, length <= sizes.avg ? strict : loose));
    if (!cut) continue;
    found.push_back(i + 1);
    start = i + 1;
  }
  if (start < data.size()) found.push_back(data.size());
  return found;
}

}  // namespace lagan::naive
