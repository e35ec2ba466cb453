// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which unchanged files a run reads again, to see whether they still are what was saved. Each path
// has its moment in every period; a run takes those whose moment has come since the run before. So
// every file has its turn once a period, and each run does a share that fits the time since the
// last one.

#include <cstdint>
#include <string_view>

#include "util/clock.h"

namespace lagan {

struct RereadSchedule {
  Nanoseconds period = 0;  // 0: never
  Nanoseconds last = 0, now = 0;

  bool is_due(std::string_view path) const {
    if (period <= 0 || now <= last) return false;
    // FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv/. All that matters is that it stays the
    // same.
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const char c : path) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    // Its last bits alone are known from the last letters.
    hash ^= hash >> 32;
    const auto shift = static_cast<Nanoseconds>(hash % static_cast<std::uint64_t>(period));
    return (now + shift) / period != (last + shift) / period;
  }
};

}  // namespace lagan
