// SPDX-License-Identifier: Apache-2.0
#pragma once

// Sizes rounded up to six significant bits, so that the size of an object says little: at most 3.2
// % more.

#include <bit>
#include <cstdint>

namespace lagan {

// 63 → 63, 65 → 66, 2049 → 2112, 67,108,865 → 69,206,016.
constexpr std::uint64_t round6(std::uint64_t size) {
  const int width = static_cast<int>(std::bit_width(size));
  if (width <= 6) return size;
  const int shift = width - 6;
  return ((size + (std::uint64_t{1} << shift) - 1) >> shift) << shift;
}

}  // namespace lagan
