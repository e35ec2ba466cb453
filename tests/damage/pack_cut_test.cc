// SPDX-License-Identifier: Apache-2.0

// Packs that end early, at every length: an error each time, and no read beyond the end (the
// sanitizers of the asan preset would see one).

#include "repo/pack_reader.h"
#include "tests/damage/damaged_storage.h"
#include "tests/damage/sample.h"

namespace lagan {
namespace {

// A tree pack of 4 KiB with two blocks or more.
struct SmallPack {
  TestRepository made;
  ObjectName name = *ObjectName::parse("tree");
  PackId id;
  Bytes bytes;

  SmallPack() {
    const TemporaryFolder folder;
    write_file(folder.path() / "source/a/b/note", 20, 1);
    Troubles observer;
    REQUIRE(backup(*made, small_backup(folder / "source"), observer));
    name = *ObjectName::parse(made.names("tree/").front());
    id = *names::id_of<PackId>(name);
    bytes = made.storage->inner().get(name).value();
  }

  Result<PackEntry> read(const std::shared_ptr<Storage>& storage, std::uint64_t size,
                         ByteSpan whole = {}) const {
    return read_pack_directory(made->sealing(), *storage, ObjectKind::tree_pack, id, size, whole);
  }
};

TEST_CASE("a pack cut at any length gives an error and no directory") {
  const SmallPack pack;
  REQUIRE(pack.read(pack.made.storage, pack.bytes.size(), pack.bytes));
  for (std::size_t size = 0; size < pack.bytes.size(); ++size) {
    CAPTURE(size);
    const Bytes cut = Bytes::copy_of(pack.bytes.span().first(size));
    const auto storage =
        std::make_shared<DamagedStorage>(pack.made.storage, pack.name, Bytes::copy_of(cut));
    CHECK_FALSE(pack.read(storage, size));               // as the listing says
    CHECK_FALSE(pack.read(storage, pack.bytes.size()));  // as the index says
    CHECK_FALSE(pack.read(storage, size, cut));
    CHECK_FALSE(pack.read(storage, pack.bytes.size(), cut));
  }
}

TEST_CASE("a pack with any byte changed is not what its name says") {
  const SmallPack pack;
  for (std::size_t at = 0; at < pack.bytes.size(); ++at) {
    CAPTURE(at);
    Bytes changed = Bytes::copy_of(pack.bytes);
    changed.span()[at] ^= std::byte{4};
    CHECK_FALSE(pack.read(pack.made.storage, changed.size(), changed));
    // Reading only its end must not crash; what it says may still be right.
    const auto storage =
        std::make_shared<DamagedStorage>(pack.made.storage, pack.name, std::move(changed));
    static_cast<void>(pack.read(storage, pack.bytes.size()));
  }
}

TEST_CASE("a block cut at any length, or with any byte changed, does not open") {
  const SmallPack pack;
  const PackEntry entry = pack.read(pack.made.storage, pack.bytes.size(), pack.bytes).value();
  PackOpener opener = PackOpener::open(pack.made->sealing(), entry.header).value();
  std::size_t offset = kHeaderSize;
  for (std::uint32_t number = 0; number < entry.directory.blocks.size(); ++number) {
    const Block& block = entry.directory.blocks[number];
    const ByteSpan sealed = pack.bytes.span().subspan(offset, block.stored);
    const auto open = [&](ByteSpan bytes) {
      return opener.open_block(number, block.nonce_tail, block.codec, block.raw, bytes).has_value();
    };
    CHECK(open(sealed));
    for (std::size_t size = 0; size < sealed.size(); ++size) {
      CAPTURE(size);
      CHECK_FALSE(open(Bytes::copy_of(sealed.first(size))));
      Bytes changed = Bytes::copy_of(sealed);
      changed.span()[size] ^= std::byte{1};
      CHECK_FALSE(open(changed));
    }
    CHECK_FALSE(opener.open_block(number + 1, block.nonce_tail, block.codec, block.raw, sealed));
    CHECK_FALSE(opener.open_block(number, block.nonce_tail + 1, block.codec, block.raw, sealed));
    CHECK_FALSE(opener.open_block(number, block.nonce_tail, block.codec, block.raw + 1, sealed));
    offset += block.stored;
  }
}

}  // namespace
}  // namespace lagan
