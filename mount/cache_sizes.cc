// SPDX-License-Identifier: Apache-2.0
#include "mount/cache_sizes.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace lagan {
namespace {

// 0 where that is not told.
std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t pages = 0, resident = 0;
  if (!(file >> pages >> resident)) return 0;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

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

std::size_t give_back_freed_memory(std::size_t allowed) {
  const std::size_t taken = resident_bytes();
  if (taken <= allowed) return taken;
#ifdef __GLIBC__
  ::malloc_trim(0);
#endif
  return resident_bytes();
}

}  // namespace lagan
