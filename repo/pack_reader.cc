// SPDX-License-Identifier: Apache-2.0
#include "repo/pack_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "repo/limits.h"
#include "repo/names.h"
#include "repo/pack_layout.h"
#include "util/coding.h"

namespace lagan {
namespace {

using namespace pack_layout;

// The last part of a pack that is fetched first: longer than nearly every directory.
constexpr std::uint64_t kTailSize = limits::kMiB;

// The end of a pack, with the means to get more of it.
struct Tail {
  std::uint64_t offset = 0;
  ByteSpan bytes;
  Bytes owned;
};

Result<Tail> fetch_tail(Storage& storage, const ObjectName& name, std::uint64_t size,
                        std::uint64_t wanted, ByteSpan whole) {
  Tail tail;
  tail.offset = size - std::min(size, wanted);
  if (!whole.empty()) {
    tail.bytes = whole.subspan(tail.offset);
    return tail;
  }
  tail.owned = TRY(storage.get(name, {tail.offset, size - tail.offset}));
  tail.bytes = tail.owned;
  return tail;
}

struct OpenedHeader {
  Header header;
  ObjectKey key;
};

Result<OpenedHeader> open_header(const Sealing& sealing, ObjectKind kind, ByteSpan bytes) {
  const Header header = TRY(Header::decode(bytes));
  if (header.kind() != kind)
    return fail(ErrorCode::corrupt, "pack is of another kind than its name says");
  return OpenedHeader{header, TRY(open_object(header, sealing.repository, sealing.keys->epoch))};
}

Result<void> check_sizes(Codec codec, std::uint32_t raw, ByteSpan sealed) {
  if (raw > limits::kBlockRawBytes || sealed.size() > raw + kTagSize || sealed.size() <= kTagSize)
    return fail(ErrorCode::corrupt, "block has an impossible size");
  if (codec == Codec::raw && sealed.size() != raw + kTagSize)
    return fail(ErrorCode::corrupt, "raw block has another size than listed");
  return {};
}

// What no index may list (messages_index.cc), and what only the pack itself can tell.
Result<void> check_blocks(const PackDirectory& directory, ObjectKind kind,
                          std::uint64_t directory_at) {
  std::uint64_t end = kHeaderSize;
  for (const Block& block : directory.blocks) {
    end += block.stored;  // at most 2^16 * 2^24
    if ((block.kind == ChunkKind::data) != (kind == ObjectKind::data_pack))
      return fail(ErrorCode::corrupt, "a chunk's kind does not fit its pack");
  }
  if (end > directory_at) return fail(ErrorCode::corrupt, "blocks overlap the directory");
  return {};
}

}  // namespace

ChunkId chunk_id(const SecretKey& id_key, ChunkKind kind, ByteSpan plaintext) {
  const auto suffix = static_cast<std::byte>(kind);
  return ChunkId{keyed_hash(id_key, plaintext, std::span(&suffix, 1))};
}

Result<void> verify_chunk(const SecretKey& id_key, const ChunkId& id, ChunkKind kind,
                          ByteSpan plaintext) {
  if (chunk_id(id_key, kind, plaintext) == id) return {};
  return fail(ErrorCode::corrupt,
              fmt::format("chunk {}: content does not match its id", id.short_hex()));
}

Result<PackOpener> PackOpener::open(const Sealing& sealing, const Header& header) {
  const ObjectKey key = TRY(open_object(header, sealing.repository, sealing.keys->epoch));
  return PackOpener(header, Aead(header.suite(), key.aead));
}

Result<Bytes> PackOpener::open_block(std::uint32_t ordinal, std::uint64_t nonce_tail, Codec codec,
                                     std::uint32_t raw, ByteSpan sealed) {
  TRY(check_sizes(codec, raw, sealed));
  Bytes out(raw);
  if (codec == Codec::raw) {
    TRY(unseal(ordinal, nonce_tail, sealed, out.span()));
    return out;
  }
  const std::size_t plain_size = sealed.size() - kTagSize;
  if (scratch_.size() < plain_size) scratch_ = Bytes(plain_size);
  const MutableByteSpan frame = scratch_.span().first(plain_size);
  TRY(unseal(ordinal, nonce_tail, sealed, frame));
  TRY(decompressor_.decompress(frame, out.span()));
  return out;
}

Result<PackOpener::StoredBlock> PackOpener::open_stored(std::uint32_t ordinal, const Block& block,
                                                        ByteSpan sealed) {
  TRY(check_sizes(block.codec, block.raw, sealed));
  StoredBlock opened{Bytes(sealed.size() - kTagSize), {}};
  TRY(unseal(ordinal, block.nonce_tail, sealed, opened.stored.span()));
  if (block.codec == Codec::raw) return opened;
  opened.raw = Bytes(block.raw);
  TRY(decompressor_.decompress(opened.stored, opened.raw.span()));
  return opened;
}

Result<void> PackOpener::unseal(std::uint32_t ordinal, std::uint64_t nonce_tail, ByteSpan sealed,
                                MutableByteSpan out) {
  return aead_.open(make_nonce(ordinal, nonce_tail), header_.bytes, sealed, out);
}

Result<PackEntry> read_pack_directory(const Sealing& sealing, Storage& storage, ObjectKind kind,
                                      const PackId& name, std::uint64_t size, ByteSpan whole) {
  if (size < limits::kPackBytesMin || size > limits::kPackBytesMax ||
      (!whole.empty() && whole.size() != size)) {
    return fail(ErrorCode::corrupt, "pack has an impossible size");
  }
  const ObjectName object = names::pack(kind, name);
  Tail tail = TRY(fetch_tail(storage, object, size, kTailSize, whole));
  const ByteSpan trailer = tail.bytes.last(kTrailerSize);

  PackEntry entry{.name = name, .size = size, .kind = kind, .header = {}, .directory = {}};
  if (!whole.empty()) {
    if (PackId{hash(whole)} != name)
      return fail(ErrorCode::corrupt, "pack does not match its name");
    if (!std::ranges::equal(whole.first(kHeaderSize), trailer.subspan(kTrailerHeaderAt))) {
      return fail(ErrorCode::corrupt, "the two headers of the pack differ");
    }
  }
  auto opened = open_header(sealing, kind, trailer.subspan(kTrailerHeaderAt));
  if (!opened && whole.empty()) {
    // The one in front may be sound.
    const Bytes front = TRY(storage.get(object, {0, kHeaderSize}));
    if (auto second = open_header(sealing, kind, front)) opened = std::move(second);
  }
  if (!opened) return fail(std::move(opened).error());
  entry.header = opened->header;
  Aead aead(entry.header.suite(), opened->key.aead);

  std::array<std::byte, kTrailerPlainSize> plain;
  const auto trailer_tail = load_le<std::uint64_t>(trailer.data());
  TRY_IN("pack trailer", aead.open(make_nonce(kTrailerOrdinal, trailer_tail), entry.header.bytes,
                                   trailer.subspan(8, kTrailerSealedSize), plain));
  const auto directory_at = load_le<std::uint64_t>(plain.data());
  const auto directory_size = load_le<std::uint32_t>(plain.data() + 8);
  const auto reserved = load_le<std::uint32_t>(plain.data() + 12);
  const auto directory_tail = load_le<std::uint64_t>(plain.data() + 16);
  if (reserved != 0 || directory_size <= kTagSize ||
      directory_size > limits::kSealedDirectoryBytes || directory_at < kHeaderSize ||
      directory_at > size || size - directory_at != directory_size + kTrailerSize) {
    return fail(ErrorCode::corrupt, "pack trailer points nowhere");
  }
  if (directory_at < tail.offset)
    tail = TRY(fetch_tail(storage, object, size, size - directory_at, whole));

  Bytes directory(directory_size - kTagSize);
  TRY_IN(
      "pack directory",
      aead.open(make_nonce(kDirectoryOrdinal, directory_tail), entry.header.bytes,
                tail.bytes.subspan(directory_at - tail.offset, directory_size), directory.span()));
  entry.directory = TRY_IN("pack directory", decode_pack_directory(directory));
  TRY_IN("pack directory", check_blocks(entry.directory, kind, directory_at));
  return entry;
}

}  // namespace lagan
