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

// What was freed stays with the program otherwise, as holes between what is in use: after a large
// file and many small ones, half as much again as the caches hold. Giving it back costs half the
// speed of reading, so it is done only beyond `allowed` bytes; returns how many the program takes
// then.
std::size_t give_back_freed_memory(std::size_t allowed);

}  // namespace lagan
