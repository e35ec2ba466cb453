// SPDX-License-Identifier: Apache-2.0
#include "chunker/params.h"

#include <algorithm>

namespace lagan {

namespace {

constexpr std::uint32_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;

// The 16-byte window and the 32 bytes for SipHash end at a position past min, and a vector scan
// warms up on the vector before it: none of them may reach before the chunk.
constexpr std::uint32_t kSmallestMin = 64;
// A chunk must fit a block (docs/format.md, "Limits").
constexpr std::uint32_t kLargestMax = 8 * 1024 * kKiB;
constexpr std::size_t kMaxClasses = 16;

bool borders_ascend(const std::vector<SizeClass>& classes) {
  for (std::size_t i = 0; i + 1 < classes.size(); ++i) {
    if (classes[i].below <= (i == 0 ? 0 : classes[i - 1].below)) return false;
  }
  return classes.back().below == 0;
}

std::uint64_t lower_border(const ChunkerParams& params, std::size_t index) {
  return index == 0 ? 0 : params.classes[index - 1].below;
}

bool is_near(const ChunkerParams& params, std::size_t index, std::uint64_t size_bytes) {
  const std::uint64_t upper = params.classes[index].below;
  return size_bytes >= lower_border(params, index) / 2 && (upper == 0 || size_bytes / 2 < upper);
}

}  // namespace

ChunkerParams default_chunker_params() {
  return {.prefilter_bits = 10,
          .classes = {{16 * kMiB, {8 * kKiB, 16 * kKiB, 64 * kKiB}},
                      {1024 * kMiB, {32 * kKiB, 64 * kKiB, 256 * kKiB}},
                      {0, {256 * kKiB, 512 * kKiB, 2048 * kKiB}}}};
}

bool is_valid(const ChunkSizes& sizes, std::uint32_t prefilter_bits) {
  if (prefilter_bits < 4 || prefilter_bits > 16) return false;
  if (sizes.min < kSmallestMin || sizes.min >= sizes.avg) return false;
  if (sizes.avg >= sizes.max || sizes.max > kLargestMax) return false;
  return sizes.avg - sizes.min >= std::uint32_t{1} << (prefilter_bits + 2);
}

bool is_valid(const ChunkerParams& params) {
  if (params.classes.empty() || params.classes.size() > kMaxClasses) return false;
  if (!borders_ascend(params.classes)) return false;
  return std::ranges::all_of(params.classes, [&](const SizeClass& each) {
    return is_valid(each.sizes, params.prefilter_bits);
  });
}

std::size_t class_for(const ChunkerParams& params, std::uint64_t size_bytes, int previous) {
  if (previous >= 0) {
    const auto kept = static_cast<std::size_t>(previous);
    if (kept < params.classes.size() && is_near(params, kept, size_bytes)) return kept;
  }
  std::size_t index = 0;
  while (index + 1 < params.classes.size() && size_bytes >= params.classes[index].below) ++index;
  return index;
}

std::size_t class_for_stream(const ChunkerParams& params) { return params.classes.size() / 2; }

}  // namespace lagan
