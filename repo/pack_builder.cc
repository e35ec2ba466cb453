// SPDX-License-Identifier: Apache-2.0
#include "repo/pack_builder.h"

#include <algorithm>

#include "repo/limits.h"
#include "repo/pack_layout.h"
#include "repo/padding.h"
#include "util/coding.h"

namespace lagan {
namespace {

using namespace pack_layout;

// Largest encoding of a Block without its ids and lengths, and of the rest of a PackDirectory.
constexpr std::size_t kBlockOverhead = 48;
constexpr std::size_t kDirectoryOverhead = 64;
constexpr std::size_t kChunkOverhead = ChunkId::kSize + 4;

// The nonce's tail depends on what is sealed, so that a machine that was rolled back in mid-pack,
// its random numbers with it, seals nothing else under the same nonce.
std::uint64_t nonce_tail(const ObjectKey& key, ByteSpan plain, std::byte domain) {
  const Hash digest = keyed_hash(key.nonce, plain, std::span(&domain, 1));
  return load_le<std::uint64_t>(digest.data());
}

// A raw block is known by its chunks' ids (they are hashes of its bytes): hashing those is enough.
// What zstd made of the chunks is hashed itself, for another level would make other bytes of the
// same ids.
std::uint64_t block_nonce_tail(const ObjectKey& key, ByteSpan plain, const Block& block) {
  if (block.codec == Codec::raw)
    return nonce_tail(key, std::as_bytes(std::span(block.ids)), std::byte{0});
  return nonce_tail(key, plain, std::byte{1});
}

NewObject start_pack(ObjectKind kind, const Sealing& sealing, const SessionId& session,
                     std::uint64_t counter) {
  std::string bound(as_text(session.span()));
  append_le(bound, counter);
  const SecretKey hedged =
      hedge(sealing.random, sealing.keys->epoch.index_key, hash(as_bytes(bound)));
  auto object = new_object(kind, sealing.suite, sealing.repository, sealing.keys->epoch, hedged);
  LAGAN_ASSERT(object.has_value());
  return *std::move(object);
}

}  // namespace

PackBuilder::PackBuilder(ObjectKind kind, const Sealing& sealing, const SessionId& session,
                         std::uint64_t counter, Nanoseconds created, AlignedBuffer buffer)
    : kind_(kind),
      object_(start_pack(kind, sealing, session, counter)),
      suite_(sealing.suite),
      session_(session),
      created_(created),
      buffer_(std::move(buffer)),
      end_(kHeaderSize),
      directory_bound_(kDirectoryOverhead) {
  std::ranges::copy(object_.header.bytes, buffer_.span().begin());
}

std::optional<PackBuilder::Slot> PackBuilder::reserve(std::size_t stored, std::size_t chunks) {
  const std::size_t directory = directory_bound_ + kBlockOverhead + chunks * kChunkOverhead;
  const std::size_t size = end_ + stored + directory + kTagSize + kTrailerSize;
  if (round6(size) > buffer_.size() || blocks_.size() >= limits::kBlocksPerPack ||
      chunks_ + chunks > limits::kChunksPerPack ||
      directory + kTagSize > limits::kSealedDirectoryBytes) {
    return std::nullopt;
  }
  const Slot slot{static_cast<std::uint32_t>(blocks_.size()), buffer_.span().subspan(end_, stored)};
  blocks_.emplace_back();
  end_ += stored;
  directory_bound_ = directory;
  chunks_ += chunks;
  ++in_work_;
  return slot;
}

Aead PackBuilder::make_aead() const { return Aead(suite_, object_.key.aead); }

SealedSpan PackBuilder::seal_block(Aead& aead, const Slot& slot, ByteSpan plain,
                                   Block& block) const {
  LAGAN_ASSERT(slot.room.size() == plain.size() + kTagSize);
  block.stored = static_cast<std::uint32_t>(slot.room.size());
  block.nonce_tail = block_nonce_tail(object_.key, plain, block);
  return aead.seal(make_nonce(slot.ordinal, block.nonce_tail), object_.header.bytes, plain,
                   slot.room);
}

Result<void> PackBuilder::open_block(Aead& aead, const Slot& slot, const Block& block,
                                     MutableByteSpan out) const {
  return aead.open(make_nonce(slot.ordinal, block.nonce_tail), object_.header.bytes, slot.room,
                   out);
}

void PackBuilder::commit(const Slot& slot, SealedSpan sealed, Block block) {
  LAGAN_ASSERT(sealed.span().data() == slot.room.data() && sealed.size() == slot.room.size());
  blocks_[slot.ordinal] = std::move(block);
  --in_work_;
}

FinishedPack PackBuilder::finish(const Random& random) {
  LAGAN_ASSERT(in_work_ == 0 && !blocks_.empty());
  FinishedPack pack;
  pack.entry.kind = kind_;
  pack.entry.header = object_.header;
  pack.entry.directory = {std::move(blocks_), session_, created_};
  const std::string directory = encode(pack.entry.directory);
  LAGAN_ASSERT(directory.size() <= directory_bound_);

  const std::size_t sealed_directory = directory.size() + kTagSize;
  const std::size_t size =
      round6(std::max(end_ + sealed_directory + kTrailerSize, limits::kPackBytesMin));
  const MutableByteSpan whole = buffer_.span().first(size);
  const std::size_t trailer_at = size - kTrailerSize;
  const std::size_t directory_at = trailer_at - sealed_directory;
  random(whole.subspan(end_, directory_at - end_));

  Aead aead = make_aead();
  const std::uint64_t directory_tail = nonce_tail(object_.key, as_bytes(directory), std::byte{2});
  aead.seal(make_nonce(kDirectoryOrdinal, directory_tail), object_.header.bytes,
            as_bytes(directory), whole.subspan(directory_at, sealed_directory));

  std::string trailer;
  append_le(trailer, std::uint64_t{directory_at});
  append_le(trailer, static_cast<std::uint32_t>(sealed_directory));
  append_le(trailer, std::uint32_t{0});
  append_le(trailer, directory_tail);
  const std::uint64_t trailer_tail = nonce_tail(object_.key, as_bytes(trailer), std::byte{3});
  store_le(trailer_tail, whole.data() + trailer_at);
  aead.seal(make_nonce(kTrailerOrdinal, trailer_tail), object_.header.bytes, as_bytes(trailer),
            whole.subspan(trailer_at + 8, kTrailerSealedSize));
  std::ranges::copy(object_.header.bytes,
                    whole.begin() + static_cast<std::ptrdiff_t>(trailer_at + kTrailerHeaderAt));

  pack.entry.size = size;
  pack.entry.name.bytes = hash(whole);
  pack.buffer = std::move(buffer_);
  return pack;
}

}  // namespace lagan
