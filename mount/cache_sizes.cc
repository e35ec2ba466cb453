// SPDX-License-Identifier: Apache-2.0
#include "mount/cache_sizes.h"

#include <malloc.h>

#include <algorithm>

namespace lagan {

CacheSizes split_cache(std::uint64_t bytes) {
  // Below, not even what several threads are at has room.
  constexpr std::uint64_t kLeast = std::uint64_t{8} << 20;
  bytes = std::max(bytes, kLeast);
  // An eighth is for what threads are just reading.
  const std::uint64_t part = bytes / 8;
  return {static_cast<std::size_t>(bytes - 2 * part), static_cast<std::size_t>(part)};
}

void use_memory_sparingly() {
#ifdef M_ARENA_MAX
  ::mallopt(M_ARENA_MAX, 2);
#endif
}

}  // namespace lagan
