// SPDX-License-Identifier: Apache-2.0
#pragma once

// How large chunks are. Part of a repository's key bundle, fixed at its creation.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lagan {

// Sizes in bytes. A chunk is never longer than max and, but for a stream's last one, longer than
// min.
struct ChunkSizes {
  std::uint32_t min = 0;
  std::uint32_t avg = 0;
  std::uint32_t max = 0;
  friend bool operator==(const ChunkSizes&, const ChunkSizes&) = default;
};

// Files below `below` bytes get `sizes`; the last class has no border (0).
struct SizeClass {
  std::uint64_t below = 0;
  ChunkSizes sizes;
  friend bool operator==(const SizeClass&, const SizeClass&) = default;
};

struct ChunkerParams {
  std::uint32_t prefilter_bits = 10;
  std::vector<SizeClass> classes;
  friend bool operator==(const ChunkerParams&, const ChunkerParams&) = default;
};

// What new repositories get (decision record 0003).
ChunkerParams default_chunker_params();

// True if the chunker can work with one class: min ≥ 64, min < avg < max ≤ 8 MiB, prefilter_bits 4
// to 16, avg - min ≥ 2^(prefilter_bits + 2).
bool is_valid(const ChunkSizes& sizes, std::uint32_t prefilter_bits);

// True if every class is valid, there is at least one and at most 16, and borders ascend, only the
// last class without one.
bool is_valid(const ChunkerParams& params);

// The class for a file of `size_bytes`. `previous` is the class index the file had last time, or
// -1: a file keeps it while its size stays within a factor of two of that class's borders.
std::size_t class_for(const ChunkerParams& params, std::uint64_t size_bytes, int previous = -1);

// The class of a stream whose size is not known: the middle one.
std::size_t class_for_stream(const ChunkerParams& params);

}  // namespace lagan
