// SPDX-License-Identifier: Apache-2.0
#pragma once

// Cheap random numbers (SplitMix64): the only source of chance in a simulated history, so that the
// seed decides everything.

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "util/bytes.h"

namespace lagan::sim {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  // 0 to `limit` - 1.
  std::uint64_t below(std::uint64_t limit) { return next() % limit; }
  std::uint64_t between(std::uint64_t low, std::uint64_t high) {
    return low + below(high - low + 1);
  }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  template <typename T, std::size_t N>
  const T& pick(const T (&from)[N]) {
    return from[below(N)];
  }
  void fill(MutableByteSpan out) {
    while (!out.empty()) {
      const std::uint64_t word = next();
      const std::size_t size = std::min(out.size(), sizeof word);
      std::memcpy(out.data(), &word, size);
      out = out.subspan(size);
    }
  }

 private:
  std::uint64_t state_;
};

}  // namespace lagan::sim
