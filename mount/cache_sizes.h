// SPDX-License-Identifier: Apache-2.0
#pragma once

// How a mount divides the memory that it was allowed, and keeps to it.

#include <cstddef>
#include <cstdint>

namespace lagan {

struct CacheSizes {
  std::size_t chunks = 0;  // of files, whole and verified
  std::size_t blocks = 0;  // that chunks come from: neighbours are asked for next
};
CacheSizes split_cache(std::uint64_t bytes);

// Threads otherwise have heaps of their own, and what one thread frees does not serve another: a
// third more than all caches together. For a program that does nothing else, at its start.
void use_memory_sparingly();

}  // namespace lagan
