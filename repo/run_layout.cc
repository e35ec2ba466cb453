// SPDX-License-Identifier: Apache-2.0
#include "repo/run_layout.h"

#include <algorithm>

#include "repo/bloom_filter.h"
#include "repo/paged_file.h"

namespace lagan {
namespace {

std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}

// Fields of a record, one after the other.
class FieldWriter {
 public:
  explicit FieldWriter(std::byte* to) : to_(to) {}
  template <typename T>
  void number(T value) {
    store_le(value, to_);
    to_ += sizeof value;
  }
  void u24(std::uint32_t value) {
    for (int shift = 0; shift < 24; shift += 8) *to_++ = static_cast<std::byte>(value >> shift);
  }
  void bytes(ByteSpan from) { to_ = std::copy(from.begin(), from.end(), to_); }

 private:
  std::byte* to_;
};

class FieldReader {
 public:
  explicit FieldReader(const std::byte* from) : from_(from) {}
  template <typename T>
  void number(T& into) {
    into = load_le<T>(from_);
    from_ += sizeof into;
  }
  void u24(std::uint32_t& into) {
    into = load_le<std::uint16_t>(from_) | std::to_integer<std::uint32_t>(from_[2]) << 16;
    from_ += 3;
  }
  void bytes(MutableByteSpan into) {
    std::copy_n(from_, into.size(), into.begin());
    from_ += into.size();
  }

 private:
  const std::byte* from_;
};

}  // namespace

RunLayout::RunLayout(const RunCounts& counts_in) : counts(counts_in) {
  // A record or two should not straddle cache lines without need.
  constexpr std::uint64_t kAlignment = 64;
  const auto section = [&](std::uint64_t count, std::uint64_t width) {
    const RunSection made{body_size, count, width};
    body_size = round_up(made.end(), kAlignment);
    return made;
  };
  // The order is that of usefulness in memory: what is kept there is a prefix of the body.
  bloom = section(bloom::block_count(counts.chunks), bloom::kBlockSize);
  directory = section(counts.chunks / kKeysPerBucket + 2, sizeof(std::uint32_t));
  pack_keys = section(counts.packs, kRunKeySize);
  packs = section(counts.packs, RunPack::kSize);
  origins = section(counts.origins, sizeof(std::uint32_t));
  marks = section((std::uint64_t{counts.chunks} + kChunksPerMark - 1) / kChunksPerMark,
                  sizeof(std::uint32_t));
  blocks = section(counts.blocks, RunBlock::kSize);
  keys = section(counts.chunks, kRunKeySize);
  chunks = section(counts.chunks, RunChunk::kSize);

  pages = PagedFile::page_count(body_size);
  body_begin = round_up(kRunHeaderSize + counts.segments * std::uint64_t{SegmentId::kSize} +
                            pages * sizeof(PagedFile::PageHash),
                        kAlignment);
  file_size = body_begin + body_size;
}

void RunPack::encode(std::byte* to) const {
  std::fill_n(to, kSize, std::byte{0});
  FieldWriter out(to);
  out.bytes(name.span());
  out.bytes(header);
  out.bytes(session.span());
  out.number(size);
  out.number(static_cast<std::uint64_t>(created));
  for (const std::uint32_t value :
       {first_block, blocks, first_chunk, chunks, first_origin, origins}) {
    out.number(value);
  }
  out.number(static_cast<std::uint8_t>(kind));
}

RunPack RunPack::decode(const std::byte* from) {
  RunPack pack;
  FieldReader in(from);
  in.bytes(pack.name.bytes);
  in.bytes(pack.header);
  in.bytes(pack.session.bytes);
  in.number(pack.size);
  std::uint64_t created = 0;
  in.number(created);
  pack.created = static_cast<Nanoseconds>(created);
  for (std::uint32_t* value : {&pack.first_block, &pack.blocks, &pack.first_chunk, &pack.chunks,
                               &pack.first_origin, &pack.origins}) {
    in.number(*value);
  }
  std::uint8_t kind = 0;
  in.number(kind);
  pack.kind = static_cast<ObjectKind>(kind);
  return pack;
}

void RunBlock::encode(std::byte* to) const {
  FieldWriter out(to);
  out.number(nonce_tail);
  for (const std::uint32_t value : {first_chunk, chunks, pack, offset, stored}) out.number(value);
  out.number(raw);
  out.number(static_cast<std::uint8_t>(codec));
  out.number(static_cast<std::uint8_t>(kind));
  out.number(std::uint16_t{0});
}

RunBlock RunBlock::decode(const std::byte* from) {
  RunBlock block;
  FieldReader in(from);
  in.number(block.nonce_tail);
  for (std::uint32_t* value :
       {&block.first_chunk, &block.chunks, &block.pack, &block.offset, &block.stored, &block.raw}) {
    in.number(*value);
  }
  std::uint8_t codec = 0, kind = 0;
  in.number(codec);
  in.number(kind);
  block.codec = static_cast<Codec>(codec);
  block.kind = static_cast<ChunkKind>(kind);
  return block;
}

void RunChunk::encode(std::byte* to) const {
  FieldWriter out(to);
  out.bytes(id.span());
  out.u24(offset);
  out.u24(length);
}

RunChunk RunChunk::decode(const std::byte* from) {
  RunChunk chunk;
  FieldReader in(from);
  in.bytes(chunk.id.bytes);
  in.u24(chunk.offset);
  in.u24(chunk.length);
  return chunk;
}

}  // namespace lagan
