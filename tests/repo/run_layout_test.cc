// SPDX-License-Identifier: Apache-2.0
#include "repo/run_layout.h"

#include <doctest/doctest.h>

#include "repo/limits.h"
#include "repo/paged_file.h"
#include "tests/repo/index_samples.h"

using namespace lagan;
using samples::Samples;

TEST_CASE("sections of a run follow each other, however many records there are") {
  constexpr std::uint32_t kMost = 0xffff'ffff;
  for (const std::uint32_t count : {0u, 1u, 63u, 64u, 65u, 1'000'000u, kMost}) {
    INFO("count " << count);
    const RunLayout layout({count, count, count, count, count});
    std::uint64_t end = 0;
    for (const RunSection& section :
         {layout.bloom, layout.directory, layout.pack_keys, layout.packs, layout.origins,
          layout.marks, layout.blocks, layout.keys, layout.chunks}) {
      CHECK(section.offset >= end);
      CHECK(section.offset < end + 64);
      end = section.end();
    }
    CHECK(layout.body_size >= end);
    CHECK(layout.pages * PagedFile::kPageSize >= layout.body_size);
    CHECK(layout.file_size == layout.body_begin + layout.body_size);
    CHECK(layout.directory.count >= 2);
    CHECK(bucket_of_key(kMost, layout.directory.count - 1) == layout.directory.count - 2);
  }
}

TEST_CASE("records come back as they were written") {
  Samples random(1);
  std::byte raw[256];
  RunPack pack{.name = random.id<PackId>(),
               .session = random.id<SessionId>(),
               .size = 0x0123'4567'89ab'cdef,
               .created = -5,
               .first_block = 1,
               .blocks = 2,
               .first_chunk = 3,
               .chunks = 4,
               .first_origin = 5,
               .origins = 6,
               .kind = ObjectKind::tree_pack};
  for (std::byte& byte : pack.header) byte = static_cast<std::byte>(random.below(256));
  pack.encode(raw);
  const RunPack pack_again = RunPack::decode(raw);
  CHECK(pack_again.name == pack.name);
  CHECK(pack_again.header == pack.header);
  CHECK(pack_again.session == pack.session);
  CHECK(pack_again.size == pack.size);
  CHECK(pack_again.created == pack.created);
  CHECK(pack_again.first_block == 1);
  CHECK(pack_again.blocks == 2);
  CHECK(pack_again.first_chunk == 3);
  CHECK(pack_again.chunks == 4);
  CHECK(pack_again.first_origin == 5);
  CHECK(pack_again.origins == 6);
  CHECK(pack_again.kind == pack.kind);

  const RunBlock block{.nonce_tail = 0xfedc'ba98'7654'3210,
                       .first_chunk = 1,
                       .chunks = 2,
                       .pack = 3,
                       .offset = 4,
                       .stored = 5,
                       .raw = 6,
                       .codec = Codec::zstd,
                       .kind = ChunkKind::root_record};
  block.encode(raw);
  const RunBlock block_again = RunBlock::decode(raw);
  CHECK(block_again.nonce_tail == block.nonce_tail);
  CHECK(block_again.first_chunk == 1);
  CHECK(block_again.chunks == 2);
  CHECK(block_again.pack == 3);
  CHECK(block_again.offset == 4);
  CHECK(block_again.stored == 5);
  CHECK(block_again.raw == 6);
  CHECK(block_again.codec == Codec::zstd);
  CHECK(block_again.kind == ChunkKind::root_record);

  const RunChunk chunk{random.id<ChunkId>(), limits::kChunkBytes - 1, limits::kChunkBytes};
  chunk.encode(raw);
  const RunChunk chunk_again = RunChunk::decode(raw);
  CHECK(chunk_again.id == chunk.id);
  CHECK(chunk_again.offset == chunk.offset);
  CHECK(chunk_again.length == chunk.length);
}
