// SPDX-License-Identifier: Apache-2.0

// Packs: directory, trailer, headers and blocks. The first byte chooses. Forged directories,
// trailers and blocks are sealed with the right keys, since only who has those can get so far;
// everything that is read must keep the promises of docs/format.md, "Packs".

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "crypto/hash.h"
#include "repo/limits.h"
#include "repo/names.h"
#include "repo/pack_builder.h"
#include "repo/pack_layout.h"
#include "repo/pack_reader.h"
#include "storage/memory.h"
#include "tests/repo/samples.h"
#include "util/coding.h"

namespace lagan {
namespace {

using namespace pack_layout;

void count_up(MutableByteSpan out) {
  unsigned char next = 0;
  for (std::byte& byte : out) byte = static_cast<std::byte>(++next);
}

const Sealing& sealing() {
  static const MasterKeys keys = samples::keys();
  static const Sealing made{samples::id<RepositoryId>(0x10), &keys, Suite::chacha20_poly1305,
                            count_up};
  return made;
}

const NewObject& object_of(ObjectKind kind) {
  const auto make = [](ObjectKind of) {
    SecretKey hedged;
    count_up(hedged.span());
    return new_object(of, sealing().suite, sealing().repository, sealing().keys->epoch, hedged)
        .value();
  };
  static const NewObject data = make(ObjectKind::data_pack), tree = make(ObjectKind::tree_pack);
  return kind == ObjectKind::data_pack ? data : tree;
}

std::string encoded(const PackEntry& entry) {
  Segment segment;
  segment.packs = {entry};
  segment.session = entry.directory.session;
  return encode(segment);
}

// What an index may list, it can also be asked for: so what comes out of a pack must get into one.
void check_promises(const PackEntry& entry, std::uint64_t directory_at) {
  std::uint64_t end = kHeaderSize;
  for (const Block& block : entry.directory.blocks) end += block.stored;
  LAGAN_ASSERT(end <= directory_at);
  const std::string listed = encoded(entry);
  const auto segment = decode_segment(as_bytes(listed));
  LAGAN_ASSERT(segment);
  LAGAN_ASSERT(encode(*segment) == listed);
}

// By its name from storage, and whole from memory. Both must say the same of a sound pack.
Result<PackEntry> read_both_ways(ObjectKind kind, ByteSpan pack) {
  const PackId name{hash(pack)};
  const auto storage = make_memory_storage();
  LAGAN_ASSERT(storage->put(names::pack(kind, name), pack));
  const auto stored = read_pack_directory(sealing(), *storage, kind, name, pack.size());
  auto whole = read_pack_directory(sealing(), *storage, kind, name, pack.size(), pack);
  if (whole) LAGAN_ASSERT(stored && encoded(*stored) == encoded(*whole));
  LAGAN_ASSERT(!read_pack_directory(sealing(), *storage, kind, PackId{}, pack.size(), pack));
  return whole;
}

void read_hostile(ObjectKind kind, ByteSpan end) {
  std::string pack(limits::kPackBytesMin - std::min(end.size(), limits::kPackBytesMin), '\0');
  pack += as_text(end);
  (void)read_both_ways(kind, as_bytes(pack));
}

// The input: 24 bytes that change the trailer, then the directory.
void read_forged(ObjectKind kind, ByteSpan input) {
  if (input.size() < kTrailerPlainSize) return;
  const ByteSpan changes = input.first(kTrailerPlainSize);
  const ByteSpan directory = input.subspan(kTrailerPlainSize);
  const NewObject& object = object_of(kind);
  Aead aead(object.header.suite(), object.key.aead);

  const std::size_t directory_size = directory.size() + kTagSize;
  const std::size_t directory_at = std::max<std::size_t>(
      kHeaderSize + 2000,
      limits::kPackBytesMin - std::min(limits::kPackBytesMin, directory_size + kTrailerSize));
  std::array<std::byte, kTrailerPlainSize> trailer{};
  store_le(std::uint64_t{directory_at}, trailer.data());
  store_le(static_cast<std::uint32_t>(directory_size), trailer.data() + 8);
  for (std::size_t i = 0; i < trailer.size(); ++i) trailer[i] ^= changes[i];

  Bytes pack(directory_at + directory_size + kTrailerSize);
  std::ranges::fill(pack.span(), std::byte{0});
  std::ranges::copy(object.header.bytes, pack.data());
  aead.seal(make_nonce(kDirectoryOrdinal, load_le<std::uint64_t>(trailer.data() + 16)),
            object.header.bytes, directory, pack.span().subspan(directory_at, directory_size));
  const MutableByteSpan end = pack.span().last(kTrailerSize);
  aead.seal(make_nonce(kTrailerOrdinal, std::uint64_t{0}), object.header.bytes, trailer,
            end.subspan(8, kTrailerSealedSize));
  std::ranges::copy(object.header.bytes, end.data() + kTrailerHeaderAt);

  const auto read = read_both_ways(kind, pack);
  if (!read) return;
  const bool is_trailer_sound = std::ranges::all_of(
      changes.first(16), [](std::byte change) { return change == std::byte{}; });
  LAGAN_ASSERT(is_trailer_sound);
  check_promises(*read, directory_at);
}

// The input: codec, raw size, then what is sealed.
void open_block(ByteSpan input) {
  if (input.size() < 4) return;
  const Codec codec = (input[0] & std::byte{1}) == std::byte{0} ? Codec::raw : Codec::zstd;
  const auto raw = static_cast<std::uint32_t>(load_le<std::uint32_t>(input.data()) >> 8);
  const ByteSpan plain = input.subspan(4);
  const NewObject& object = object_of(ObjectKind::data_pack);
  Aead aead(object.header.suite(), object.key.aead);
  Bytes sealed(plain.size() + kTagSize);
  aead.seal(make_nonce(7, std::uint64_t{9}), object.header.bytes, plain, sealed.span());
  static auto opener = PackOpener::open(sealing(), object.header);
  LAGAN_ASSERT(opener);
  LAGAN_ASSERT(!opener->open_block(8, 9, codec, raw, sealed));
  const auto opened = opener->open_block(7, 9, codec, raw, sealed);
  if (opened) LAGAN_ASSERT(opened->size() == raw);
  if (codec == Codec::raw) {
    LAGAN_ASSERT(opened.has_value() == (!plain.empty() && plain.size() == raw));
    if (opened) LAGAN_ASSERT(std::ranges::equal(opened->span(), plain));
  }
}

// A pack as the writer makes it, of the input cut into chunks.
struct Written {
  FinishedPack pack;
  std::vector<Bytes> contents;

  explicit Written(ByteSpan input) {
    PackBuilder builder(ObjectKind::data_pack, sealing(), samples::id<SessionId>(0x20), 0,
                        samples::kCreated, AlignedBuffer(std::size_t{64} << 10));
    Aead aead = builder.make_aead();
    while (!input.empty()) {
      const std::size_t size = std::min(input.size(), 20 + std::to_integer<std::size_t>(input[0]));
      Bytes content = Bytes::copy_of(input.first(size));
      input = input.subspan(size);
      const auto slot = builder.reserve(size + kTagSize, 1);
      if (!slot) break;
      Block block;
      block.raw = static_cast<std::uint32_t>(size);
      block.ids = {chunk_id(sealing().keys->id_key, ChunkKind::data, content)};
      block.lengths = {block.raw};
      const SealedSpan sealed = builder.seal_block(aead, *slot, content, block);
      builder.commit(*slot, sealed, std::move(block));
      contents.push_back(std::move(content));
    }
    if (!contents.empty()) pack = builder.finish(count_up);
  }
};

void write_and_read(ByteSpan input) {
  if (input.empty()) return;
  const Written written(input);
  const PackEntry& entry = written.pack.entry;
  const ByteSpan bytes = written.pack.bytes();
  const auto read = read_both_ways(ObjectKind::data_pack, bytes);
  LAGAN_ASSERT(read && encoded(*read) == encoded(entry));
  auto opener = PackOpener::open(sealing(), entry.header);
  LAGAN_ASSERT(opener);
  std::size_t at = kHeaderSize;
  for (std::size_t i = 0; i < written.contents.size(); ++i) {
    const Block& block = entry.directory.blocks[i];
    const auto opened = opener->open_block(static_cast<std::uint32_t>(i), block.nonce_tail,
                                           block.codec, block.raw, bytes.subspan(at, block.stored));
    LAGAN_ASSERT(opened && std::ranges::equal(opened->span(), written.contents[i].span()));
    at += block.stored;
  }
}

// A sound pack with bytes exchanged (place, value): unread, or as if nothing had happened.
void read_damaged(ByteSpan changes) {
  static const Written original(as_bytes("what lies in the pack does not matter here"));
  const PackEntry& entry = original.pack.entry;
  std::string pack(as_text(original.pack.bytes()));
  for (; changes.size() >= 3; changes = changes.subspan(3)) {
    const std::size_t back = load_le<std::uint16_t>(changes.data()) % pack.size();
    pack[pack.size() - 1 - back] = static_cast<char>(changes[2]);
  }
  const auto storage = make_memory_storage();
  LAGAN_ASSERT(storage->put(names::pack(entry.kind, entry.name), as_bytes(pack)));
  const auto read = read_pack_directory(sealing(), *storage, entry.kind, entry.name, pack.size());
  if (read) LAGAN_ASSERT(encoded(*read) == encoded(entry));
  const auto whole =
      read_pack_directory(sealing(), *storage, entry.kind, entry.name, pack.size(), as_bytes(pack));
  LAGAN_ASSERT(whole.has_value() == (as_bytes(pack).size() == original.pack.bytes().size() &&
                                     pack == as_text(original.pack.bytes())));
}

void run(unsigned choice, ByteSpan input) {
  switch (choice % 8) {
    case 0:
      return read_hostile(ObjectKind::data_pack, input);
    case 1:
      return read_hostile(ObjectKind::tree_pack, input);
    case 2:
      return read_forged(ObjectKind::data_pack, input);
    case 3:
      return read_forged(ObjectKind::tree_pack, input);
    case 4:
      return open_block(input);
    case 5:
      return write_and_read(input);
    default:
      return read_damaged(input);
  }
}

}  // namespace
}  // namespace lagan

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 0) lagan::run(data[0], std::as_bytes(std::span(data + 1, size - 1)));
  return 0;
}
