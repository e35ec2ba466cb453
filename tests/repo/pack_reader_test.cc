// SPDX-License-Identifier: Apache-2.0
#include "repo/pack_reader.h"

#include <doctest/doctest.h>

#include "crypto/hash.h"
#include "repo/limits.h"
#include "repo/pack_layout.h"
#include "storage/memory.h"
#include "tests/repo/pack_samples.h"
#include "util/coding.h"

namespace lagan {
namespace {

struct StoredPack {
  MasterKeys keys = samples::keys();
  Sealing sealing{samples::id<RepositoryId>(0x10), &keys, Suite::chacha20_poly1305, system_random};
  RecordingStorage storage{make_memory_storage()};
  PackEntry entry;
  Bytes bytes;

  explicit StoredPack(std::size_t blocks = 5, std::size_t chunks_per_block = 1,
                      std::size_t pack_bytes = kTestPackBytes) {
    PackBuilder builder = make_builder(sealing, ObjectKind::data_pack, pack_bytes);
    Aead aead = builder.make_aead();
    for (std::size_t i = 0; i < blocks; ++i) {
      const Bytes content = random_content(chunks_per_block * 3, i);
      const auto slot = builder.reserve(content.size() + kTagSize, chunks_per_block);
      REQUIRE(slot);
      Block block;
      block.raw = static_cast<std::uint32_t>(content.size());
      for (std::size_t j = 0; j < chunks_per_block; ++j) {
        block.ids.push_back(
            chunk_id(keys.id_key, ChunkKind::data, content.span().subspan(j * 3, 3)));
        block.lengths.push_back(3);
      }
      const SealedSpan sealed = builder.seal_block(aead, *slot, content, block);
      builder.commit(*slot, sealed, std::move(block));
    }
    const FinishedPack pack = builder.finish(system_random);
    entry = pack.entry;
    bytes = Bytes::copy_of(pack.bytes());
    put(bytes);
  }

  void put(ByteSpan content) {
    const ObjectName name = names::pack(ObjectKind::data_pack, entry.name);
    REQUIRE(storage.remove(name));
    REQUIRE(storage.put(name, content));
    storage.forget_calls();
  }
  Result<PackEntry> read(ByteSpan whole = {}) {
    return read_pack_directory(sealing, storage, ObjectKind::data_pack, entry.name, entry.size,
                               whole);
  }
};

bool same(const PackEntry& a, const PackEntry& b) {
  Segment one, two;
  one.packs = {a};
  two.packs = {b};
  return encode(one) == encode(two);
}

TEST_CASE("the directory at a pack's end says what the index would") {
  StoredPack pack;
  const auto read = pack.read();
  REQUIRE_MESSAGE(read, read.error().message);
  CHECK(same(*read, pack.entry));
  CHECK(pack.storage.calls().size() == 1);
  const auto from_memory = pack.read(pack.bytes);
  REQUIRE(from_memory);
  CHECK(same(*from_memory, pack.entry));
  CHECK(pack.storage.calls().size() == 1);
}

TEST_CASE("a directory longer than the tail is fetched with a second request") {
  StoredPack pack(1, 40'000, std::size_t{4} << 20);
  REQUIRE(pack.entry.size > limits::kMiB);
  const auto read = pack.read();
  REQUIRE_MESSAGE(read, read.error().message);
  CHECK(same(*read, pack.entry));
  CHECK(pack.storage.calls().size() == 2);
  CHECK(same(pack.read(pack.bytes).value(), pack.entry));
}

TEST_CASE("one damaged header is made up for by the other") {
  StoredPack pack;
  SUBCASE("in front") {
    for (std::size_t at = 0; at < kHeaderSize; ++at) {
      Bytes damaged = Bytes::copy_of(pack.bytes);
      damaged.span()[at] ^= std::byte{1};
      pack.put(damaged);
      const auto read = pack.read();
      REQUIRE_MESSAGE(read, at << ": " << read.error().message);
      CHECK(same(*read, pack.entry));
      CHECK_FALSE(pack.read(damaged));  // whoever has the whole pack sees the damage
    }
  }
  SUBCASE("at the back") {
    for (std::size_t at = 0; at < kHeaderSize; ++at) {
      Bytes damaged = Bytes::copy_of(pack.bytes);
      damaged.span()[damaged.size() - kHeaderSize + at] ^= std::byte{1};
      pack.put(damaged);
      const auto read = pack.read();
      REQUIRE_MESSAGE(read, at << ": " << read.error().message);
      CHECK(same(*read, pack.entry));
      CHECK_FALSE(pack.read(damaged));
    }
  }
  SUBCASE("both") {
    Bytes damaged = Bytes::copy_of(pack.bytes);
    damaged.span()[70] ^= std::byte{1};
    damaged.span()[damaged.size() - kHeaderSize + 70] ^= std::byte{1};
    pack.put(damaged);
    CHECK_FALSE(pack.read());
  }
}

TEST_CASE("damage to trailer or directory is an error") {
  StoredPack pack;
  std::size_t accepted = 0;
  const std::size_t sealed_end = pack.bytes.size() - kHeaderSize;
  for (std::size_t at = sealed_end - 400; at < sealed_end; ++at) {
    Bytes damaged = Bytes::copy_of(pack.bytes);
    damaged.span()[at] ^= std::byte{1};
    pack.put(damaged);
    const auto read = pack.read();
    if (read) {
      CHECK(same(*read, pack.entry));  // it was padding
      ++accepted;
    }
    CHECK_FALSE(pack.read(damaged));
  }
  CHECK(accepted < 150);
}

// A pack with the keys of `pack` and a directory that only its owner could forge, 4,096 bytes
// behind the beginning.
std::string forged(const StoredPack& pack, const PackDirectory& directory) {
  using namespace pack_layout;
  const auto key = open_object(pack.entry.header, pack.sealing.repository, pack.keys.epoch);
  REQUIRE(key);
  Aead aead(pack.entry.header.suite(), key->aead);
  const HeaderBytes& header = pack.entry.header.bytes;
  const std::string message = encode(directory);
  std::string bytes(as_text(pack.bytes.span().first(4096)));
  std::string sealed(message.size() + kTagSize, '\0');
  aead.seal(make_nonce(kDirectoryOrdinal, std::uint64_t{1}), header, as_bytes(message),
            std::as_writable_bytes(std::span(sealed)));
  std::string trailer;
  append_le(trailer, std::uint64_t{4096});
  append_le(trailer, static_cast<std::uint32_t>(sealed.size()));
  append_le(trailer, std::uint32_t{0});
  append_le(trailer, std::uint64_t{1});
  std::string sealed_trailer(kTrailerSealedSize, '\0');
  aead.seal(make_nonce(kTrailerOrdinal, std::uint64_t{2}), header, as_bytes(trailer),
            std::as_writable_bytes(std::span(sealed_trailer)));
  bytes += sealed;
  append_le(bytes, std::uint64_t{2});
  return bytes + sealed_trailer + std::string(as_text(header));
}

TEST_CASE("blocks that overlap the directory or do not fit the pack's kind are refused") {
  StoredPack pack;
  PackDirectory directory = pack.entry.directory;
  directory.blocks.resize(1);
  Block& block = directory.blocks[0];
  const auto set_stored = [&](std::uint32_t stored) {
    block.stored = stored;
    block.raw = stored - std::uint32_t{kTagSize};
    block.lengths = {block.raw};
  };
  const auto read = [&] {
    const std::string bytes = forged(pack, directory);
    pack.entry.name = PackId{hash(as_bytes(bytes))};
    pack.entry.size = bytes.size();
    pack.put(as_bytes(bytes));
    const bool is_read = pack.read().has_value();
    CHECK(pack.read(as_bytes(bytes)).has_value() == is_read);
    return is_read;
  };
  set_stored(4096 - kHeaderSize);
  CHECK(read());
  set_stored(4096 - kHeaderSize + 1);
  CHECK_FALSE(read());
  set_stored(1000);
  block.kind = ChunkKind::directory;
  CHECK_FALSE(read());
}

TEST_CASE("a whole pack must fit its name and its size") {
  StoredPack pack;
  Bytes other = Bytes::copy_of(pack.bytes);
  other.span()[500] ^= std::byte{1};
  CHECK_FALSE(pack.read(other));
  CHECK_FALSE(pack.read(pack.bytes.span().first(pack.bytes.size() - 1)));
  pack.entry.size -= 64;
  pack.put(pack.bytes.span().first(pack.entry.size));
  CHECK_FALSE(pack.read());
}

TEST_CASE("impossible sizes are refused without asking for them") {
  StoredPack pack;
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{4095},
                                   std::uint64_t{limits::kPackBytesMax} + 1, UINT64_MAX}) {
    CHECK_FALSE(read_pack_directory(pack.sealing, pack.storage, ObjectKind::data_pack,
                                    pack.entry.name, size));
  }
  CHECK(pack.storage.calls().empty());
}

TEST_CASE("a pack is read as the kind it is, in the repository it is of") {
  StoredPack pack;
  const ObjectName as_tree = names::pack(ObjectKind::tree_pack, pack.entry.name);
  REQUIRE(pack.storage.put(as_tree, pack.bytes));
  CHECK_FALSE(read_pack_directory(pack.sealing, pack.storage, ObjectKind::tree_pack,
                                  pack.entry.name, pack.entry.size));
  pack.sealing.repository = samples::id<RepositoryId>(0x11);
  CHECK_FALSE(pack.read());
}

TEST_CASE("a block opens with its own number, tail, codec and size only") {
  const StoredPack pack;
  auto opener = PackOpener::open(pack.sealing, pack.entry.header);
  REQUIRE(opener);
  const Block& block = pack.entry.directory.blocks[2];
  const ByteSpan sealed =
      pack.bytes.span().subspan(offset_of(pack.entry.directory, 2), block.stored);
  REQUIRE(opener->open_block(2, block.nonce_tail, Codec::raw, block.raw, sealed));
  CHECK_FALSE(opener->open_block(1, block.nonce_tail, Codec::raw, block.raw, sealed));
  CHECK_FALSE(opener->open_block(2, block.nonce_tail + 1, Codec::raw, block.raw, sealed));
  CHECK_FALSE(opener->open_block(2, block.nonce_tail, Codec::zstd, block.raw, sealed));
  CHECK_FALSE(opener->open_block(2, block.nonce_tail, Codec::raw, block.raw + 1, sealed));
  CHECK_FALSE(opener->open_block(2, block.nonce_tail, Codec::raw, 0, sealed));
  CHECK_FALSE(opener->open_block(2, block.nonce_tail, Codec::raw, UINT32_MAX, sealed));
  for (std::size_t size = 0; size < sealed.size(); ++size) {
    CHECK_FALSE(opener->open_block(2, block.nonce_tail, Codec::raw, block.raw, sealed.first(size)));
  }
  // It still works after all of that.
  CHECK(opener->open_block(2, block.nonce_tail, Codec::raw, block.raw, sealed));
}

TEST_CASE("a chunk is known by its bytes and its kind") {
  const SecretKey key = samples::keys().id_key.copy();
  const ChunkId id = chunk_id(key, ChunkKind::data, as_bytes("hello"));
  CHECK(verify_chunk(key, id, ChunkKind::data, as_bytes("hello")));
  CHECK_FALSE(verify_chunk(key, id, ChunkKind::list, as_bytes("hello")));
  CHECK_FALSE(verify_chunk(key, id, ChunkKind::data, as_bytes("hellp")));
  CHECK_FALSE(verify_chunk(SecretKey(), id, ChunkKind::data, as_bytes("hello")));
}

}  // namespace
}  // namespace lagan
