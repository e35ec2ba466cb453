// SPDX-License-Identifier: Apache-2.0
#pragma once

// Inputs for chunker tests, the same on every run and every machine.

#include <array>
#include <cstdint>
#include <string_view>

#include "tests/chunker/naive.h"
#include "util/bytes.h"

namespace lagan {

// SplitMix64 (Steele, Lea and Flood, 2014).
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  }
  std::uint64_t below(std::uint64_t limit) { return next() % limit; }

 private:
  std::uint64_t state_;
};

inline naive::Seed seed_number(std::uint64_t number) {
  naive::Seed seed;
  Random random(number);
  for (std::byte& byte : seed) byte = static_cast<std::byte>(random.next());
  return seed;
}

inline Bytes random_bytes(std::size_t size_bytes, std::uint64_t seed) {
  Bytes bytes(size_bytes);
  Random random(seed);
  for (std::byte& byte : bytes.span()) byte = static_cast<std::byte>(random.next());
  return bytes;
}

// A few words again and again, as text and source code have.
inline Bytes text_bytes(std::size_t size_bytes, std::uint64_t seed) {
  static constexpr std::array<std::string_view, 12> kWords = {
      "the ", "chunk ",     "of ", "int ", "return ", "    ",
      "\n",   "#include <", ">\n", "if (", ") {\n",   "0"};
  Bytes bytes(size_bytes);
  Random random(seed);
  for (std::size_t at = 0; at < size_bytes;) {
    for (const char letter : kWords[random.below(kWords.size())]) {
      if (at < size_bytes) bytes.data()[at++] = static_cast<std::byte>(letter);
    }
  }
  return bytes;
}

// `period` random bytes repeated.
inline Bytes periodic_bytes(std::size_t size_bytes, std::size_t period, std::uint64_t seed) {
  const Bytes pattern = random_bytes(period, seed);
  Bytes bytes(size_bytes);
  for (std::size_t i = 0; i < size_bytes; ++i) bytes.data()[i] = pattern.data()[i % period];
  return bytes;
}

inline Bytes zero_bytes(std::size_t size_bytes) {
  Bytes bytes(size_bytes);
  std::memset(bytes.data(), 0, size_bytes);
  return bytes;
}

// `seed` with the constant chosen so that `position` is a candidate: makes repeating data hard.
inline naive::Seed with_candidate_at(naive::Seed seed, ByteSpan data, std::size_t position) {
  const std::uint16_t hash = naive::window_hash(seed, data.data(), position);
  seed[80] = static_cast<std::byte>(hash & 0xff);
  seed[81] = static_cast<std::byte>(hash >> 8);
  return seed;
}

}  // namespace lagan
