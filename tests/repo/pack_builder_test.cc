// SPDX-License-Identifier: Apache-2.0
#include "repo/pack_builder.h"

#include <doctest/doctest.h>

#include <map>
#include <mutex>
#include <thread>

#include "crypto/hash.h"
#include "repo/limits.h"
#include "repo/padding.h"
#include "tests/repo/pack_samples.h"

namespace lagan {
namespace {

struct Keys {
  MasterKeys keys = samples::keys();
  Sealing sealing{samples::id<RepositoryId>(0x10), &keys, Suite::aes256_gcm, system_random};
};

Bytes open_one(const Sealing& sealing, const FinishedPack& pack, std::size_t number) {
  auto opener = PackOpener::open(sealing, pack.entry.header);
  REQUIRE(opener);
  const Block& block = pack.entry.directory.blocks.at(number);
  const ByteSpan sealed =
      pack.bytes().subspan(offset_of(pack.entry.directory, number), block.stored);
  auto opened = opener->open_block(static_cast<std::uint32_t>(number), block.nonce_tail,
                                   block.codec, block.raw, sealed);
  REQUIRE_MESSAGE(opened, opened.error().message);
  return *std::move(opened);
}

TEST_CASE("blocks that several workers seal at once all open again") {
  const Keys keys;
  PackBuilder builder = make_builder(keys.sealing, ObjectKind::data_pack, std::size_t{8} << 20);
  std::mutex mutex;
  std::size_t next = 0;
  constexpr std::size_t kBlocks = 200;
  {
    std::vector<std::jthread> workers;
    for (int i = 0; i < 4; ++i) {
      workers.emplace_back([&] {
        while (true) {
          std::size_t number = 0;
          std::optional<PackBuilder::Slot> slot;
          {
            const std::lock_guard lock(mutex);
            if (next == kBlocks) return;
            number = next++;
            slot = builder.reserve(1000 + number * 10 + kTagSize, 1);
          }
          REQUIRE(slot);
          const Bytes content = random_content(1000 + slot->ordinal * 10, slot->ordinal);
          Block block = block_of(keys.sealing, content);
          Aead aead = builder.make_aead();
          const SealedSpan sealed = builder.seal_block(aead, *slot, content, block);
          const std::lock_guard lock(mutex);
          builder.commit(*slot, sealed, std::move(block));
        }
      });
    }
  }
  CHECK(builder.blocks_in_work() == 0);
  const FinishedPack pack = builder.finish(system_random);
  CHECK(pack.entry.name == PackId{hash(pack.bytes())});
  REQUIRE(pack.entry.directory.blocks.size() == kBlocks);
  for (std::size_t i = 0; i < kBlocks; ++i) {
    CHECK(as_text(open_one(keys.sealing, pack, i)) == as_text(random_content(1000 + i * 10, i)));
  }
}

TEST_CASE("a small pack is 4 KiB, a larger one rounded, and none exceeds its target") {
  const Keys keys;
  PackBuilder small = make_builder(keys.sealing, ObjectKind::tree_pack);
  REQUIRE(add_block(small, keys.sealing, as_bytes("hello"), ChunkKind::directory));
  CHECK(small.finish(system_random).entry.size == 4096);

  for (const std::size_t content : {std::size_t{1}, std::size_t{700}, std::size_t{30'000},
                                    std::size_t{400'000}, std::size_t{1'000'000}}) {
    CAPTURE(content);
    PackBuilder builder = make_builder(keys.sealing);
    const Bytes bytes = random_content(content, content);
    std::size_t blocks = 0;
    while (blocks < 3000 && add_block(builder, keys.sealing, bytes)) ++blocks;
    REQUIRE(blocks > 0);
    const std::uint64_t size = builder.finish(system_random).entry.size;
    CHECK(size <= kTestPackBytes);
    CHECK(size == round6(size));
    // Full means nearly full, but for what the directory might have needed.
    if (content >= 700 && content < 400'000) CHECK(size > kTestPackBytes * 9 / 10);
  }
}

TEST_CASE("a block that does not fit is turned away and the pack stays whole") {
  const Keys keys;
  PackBuilder builder = make_builder(keys.sealing);
  CHECK_FALSE(builder.reserve(kTestPackBytes, 1));
  CHECK(builder.is_empty());
  REQUIRE(add_block(builder, keys.sealing, as_bytes("hello")));
  CHECK_FALSE(builder.reserve(kTestPackBytes - 200, 1));
  CHECK_FALSE(builder.reserve(100, limits::kChunksPerPack));
  REQUIRE(add_block(builder, keys.sealing, as_bytes("world")));
  const FinishedPack pack = builder.finish(system_random);
  REQUIRE(pack.entry.directory.blocks.size() == 2);
  CHECK(as_text(open_one(keys.sealing, pack, 1)) == "world");
}

TEST_CASE("a sealed block can be opened again before upload, and a spoilt one shows") {
  const Keys keys;
  PackBuilder builder = make_builder(keys.sealing);
  const Bytes content = random_content(5000, 1);
  const auto slot = builder.reserve(content.size() + kTagSize, 1);
  REQUIRE(slot);
  Aead aead = builder.make_aead();
  Block block = block_of(keys.sealing, content);
  builder.seal_block(aead, *slot, content, block);
  Bytes out(content.size());
  REQUIRE(builder.open_block(aead, *slot, block, out.span()));
  CHECK(as_text(out) == as_text(content));
  slot->room[777] ^= std::byte{4};
  CHECK_FALSE(builder.open_block(aead, *slot, block, out.span()));
}

TEST_CASE("equal packs share neither keys nor bytes") {
  const Keys keys;
  std::map<std::string, int> headers;
  for (int i = 0; i < 3; ++i) {
    PackBuilder builder = make_builder(keys.sealing);
    REQUIRE(add_block(builder, keys.sealing, as_bytes("hello")));
    const FinishedPack pack = builder.finish(system_random);
    ++headers[std::string(as_text(pack.entry.header.bytes))];
  }
  CHECK(headers.size() == 3);
}

// What a machine seals that was rolled back in mid-pack, and its random numbers with it.
struct RolledBack {
  Header header;
  std::vector<std::uint64_t> tails;
  std::string sealed;  // the first block
  std::string end;     // directory and trailer
};

RolledBack seal_after_rollback(const Sealing& sealing, ByteSpan first, Codec codec,
                               std::uint64_t counter = 0) {
  Sealing rolled_back = sealing;
  rolled_back.random = fixed_random(11);
  PackBuilder builder = make_builder(rolled_back, ObjectKind::data_pack, kTestPackBytes, counter);
  const auto slot = builder.reserve(first.size() + kTagSize, 1);
  REQUIRE(slot);
  Aead aead = builder.make_aead();
  Block block = block_of(sealing, first);
  block.codec = codec;
  const SealedSpan made = builder.seal_block(aead, *slot, first, block);
  RolledBack result;
  result.tails.push_back(block.nonce_tail);
  result.sealed = as_text(made.span());
  builder.commit(*slot, made, std::move(block));
  const FinishedPack pack = builder.finish(rolled_back.random);
  result.header = pack.entry.header;
  result.end = as_text(pack.bytes().last(144));
  return result;
}

TEST_CASE("a machine that was rolled back never seals other bytes under the same key and nonce") {
  const Keys keys;
  for (const Codec codec : {Codec::raw, Codec::zstd}) {
    CAPTURE(static_cast<int>(codec));
    const RolledBack one = seal_after_rollback(keys.sealing, as_bytes("content one"), codec);
    const RolledBack same = seal_after_rollback(keys.sealing, as_bytes("content one"), codec);
    const RolledBack two = seal_after_rollback(keys.sealing, as_bytes("content two"), codec);
    CHECK(one.header == same.header);
    CHECK(one.sealed == same.sealed);
    CHECK(one.end == same.end);
    // The key is the same, for it was chosen before the content was known …
    REQUIRE(one.header == two.header);
    // … so the nonces must differ, of the block, the directory and the trailer.
    CHECK(one.tails[0] != two.tails[0]);
    CHECK(one.end.substr(0, 8) != two.end.substr(0, 8));
  }
  // The same chunk raw and compressed is the same id, but not the same bytes.
  const RolledBack raw = seal_after_rollback(keys.sealing, as_bytes("content one"), Codec::raw);
  const RolledBack packed = seal_after_rollback(keys.sealing, as_bytes("content one"), Codec::zstd);
  CHECK(raw.tails[0] != packed.tails[0]);
  // Another pack of the session has another key even with the same random numbers.
  CHECK(seal_after_rollback(keys.sealing, as_bytes("content one"), Codec::raw, 1).header !=
        raw.header);
}

}  // namespace
}  // namespace lagan
