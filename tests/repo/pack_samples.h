// SPDX-License-Identifier: Apache-2.0
#pragma once

// Packs made by hand, for the tests of those who write and read them.

#include <doctest/doctest.h>

#include "crypto/aead.h"
#include "repo/pack_builder.h"
#include "repo/pack_reader.h"
#include "tests/repo/test_repository.h"

namespace lagan {

constexpr std::size_t kTestPackBytes = std::size_t{1} << 20;

inline PackBuilder make_builder(const Sealing& sealing, ObjectKind kind = ObjectKind::data_pack,
                                std::size_t size = kTestPackBytes, std::uint64_t counter = 0) {
  return PackBuilder(kind, sealing, samples::id<SessionId>(0x20), counter, samples::kCreated,
                     AlignedBuffer(size));
}

// One chunk as a raw block of its own.
inline Block block_of(const Sealing& sealing, ByteSpan content, ChunkKind kind = ChunkKind::data) {
  Block block;
  block.raw = static_cast<std::uint32_t>(content.size());
  block.kind = kind;
  block.ids = {chunk_id(sealing.keys->id_key, kind, content)};
  block.lengths = {block.raw};
  return block;
}

// False if the pack is full.
inline bool add_block(PackBuilder& builder, const Sealing& sealing, ByteSpan content,
                      ChunkKind kind = ChunkKind::data) {
  const auto slot = builder.reserve(content.size() + kTagSize, 1);
  if (!slot) return false;
  Aead aead = builder.make_aead();
  Block block = block_of(sealing, content, kind);
  const SealedSpan sealed = builder.seal_block(aead, *slot, content, block);
  builder.commit(*slot, sealed, std::move(block));
  return true;
}

inline std::uint64_t offset_of(const PackDirectory& directory, std::size_t block) {
  std::uint64_t offset = kHeaderSize;
  for (std::size_t i = 0; i < block; ++i) offset += directory.blocks[i].stored;
  return offset;
}

}  // namespace lagan
