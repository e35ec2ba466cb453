// SPDX-License-Identifier: Apache-2.0
#pragma once

// Segments as a backup of small files makes them, without storing any: ids are computed from a
// number, so that nothing need be remembered to ask for them. 64 chunks of 16 KiB in a block, 64
// blocks in a pack.

#include <cstdint>

#include "repo/messages.h"
#include "util/coding.h"
#include "util/id.h"

namespace lagan::synthetic {

constexpr std::uint32_t kChunksPerBlock = 64;
constexpr std::uint32_t kBlocksPerPack = 64;
constexpr std::uint32_t kChunkSize = 16 * 1024;

// splitmix64
inline std::uint64_t mix(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

template <typename SomeId>
SomeId id(std::uint64_t number) {
  SomeId made;
  for (std::size_t at = 0; at < SomeId::kSize; at += 8) {
    store_le(mix(number * 4 + at / 8), made.bytes.data() + at);
  }
  return made;
}

inline Segment segment(std::uint64_t first_chunk, std::uint64_t chunks) {
  Segment made;
  const std::uint64_t end = first_chunk + chunks;
  for (std::uint64_t next = first_chunk; next < end;) {
    PackEntry pack;
    pack.name = id<PackId>(~next);
    pack.size = kHeaderSize;
    for (std::uint32_t b = 0; b < kBlocksPerPack && next < end; ++b) {
      Block block;
      block.codec = Codec::zstd;
      for (std::uint32_t c = 0; c < kChunksPerBlock && next < end; ++c) {
        block.ids.push_back(id<ChunkId>(next++));
        block.lengths.push_back(kChunkSize);
        block.raw += kChunkSize;
      }
      block.stored = block.raw / 2;
      pack.size += block.stored;
      pack.directory.blocks.push_back(std::move(block));
    }
    made.packs.push_back(std::move(pack));
  }
  return made;
}

}  // namespace lagan::synthetic
