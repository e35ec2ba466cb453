// SPDX-License-Identifier: Apache-2.0
#pragma once

// Times of entries as one number. Those beyond the years 1678 to 2262 become the nearest within.

#include <algorithm>
#include <limits>

#include "repo/tree.h"
#include "util/clock.h"

namespace lagan {

inline Nanoseconds nanoseconds(std::int64_t seconds, std::uint32_t fraction) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  constexpr std::int64_t kSecondsMax = std::numeric_limits<Nanoseconds>::max() / kSecond - 1;
  return std::clamp(seconds, -kSecondsMax, kSecondsMax) * kSecond + fraction;
}

inline Nanoseconds modified_time(const Entry& entry) {
  return nanoseconds(entry.mtime, entry.mtime_ns);
}

}  // namespace lagan
