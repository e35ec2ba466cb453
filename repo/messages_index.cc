// SPDX-License-Identifier: Apache-2.0
// What is in packs, and which packs there are: pack directories, index segments, condemned packs.
#include <algorithm>

#include "crypto/aead.h"
#include "repo/limits.h"
#include "repo/messages.h"
#include "repo/wire.h"

namespace lagan {
namespace {

// ---- Blocks -------------------------------------------------------------------------------------

std::size_t lengths_size(const Block& block) {
  std::size_t size = 0;
  for (const std::uint32_t length : block.lengths) size += varint_size(length);
  return size;
}

void write_block(StringWriter& parent, const Block& block) {
  StringWriter out(parent, 1);
  out.u64(1, block.stored);
  out.u64(2, block.raw);
  out.u64(3, static_cast<std::uint64_t>(block.codec));
  out.u64(4, static_cast<std::uint64_t>(block.kind));
  out.fixed64(5, block.nonce_tail);
  out.joined_ids(6, block.ids);
  out.packed_u32(7, block.lengths);
}

const char* trouble_with(const Block& block) {
  if (block.ids.empty()) return "a block is empty";
  if (block.ids.size() > limits::kChunksPerBlock) return "a block has too many chunks";
  if (block.ids.size() != block.lengths.size()) return "a block has an id without a length";
  std::uint64_t sum = 0;
  for (const std::uint32_t length : block.lengths) {
    if (length == 0 || length > limits::kChunkBytes) return "a chunk has an impossible length";
    sum += length;  // at most 2^16 * 2^23
  }
  if (block.raw != sum) return "a block's size is not the sum of its chunks";
  if (block.raw > limits::kBlockRawBytes) return "a block is too large";
  if (block.stored <= kTagSize || block.stored > block.raw + kTagSize)
    return "a block's stored size is impossible";
  if (block.codec == Codec::raw && block.stored != block.raw + kTagSize)
    return "a block's stored size is not its raw size";
  return nullptr;
}

void read_block(WireReader& in, Block& block) {
  std::uint32_t codec = 0;
  std::uint32_t kind = 0;
  while (in.next()) {
    switch (in.field()) {
      case 1:
        block.stored = in.u32();
        break;
      case 2:
        block.raw = in.u32();
        break;
      case 3:
        codec = in.u32();
        break;
      case 4:
        kind = in.u32();
        break;
      case 5:
        block.nonce_tail = in.fixed64();
        break;
      case 6:
        in.joined_ids(block.ids);
        break;
      case 7:
        in.repeated().each_u32([&](std::uint32_t length) {
          if (block.lengths.size() == limits::kChunksPerBlock)
            return in.refuse("a block has too many chunks");
          block.lengths.push_back(length);
        });
        break;
      default:
        in.unknown();
    }
  }
  if (in.refused()) return;
  if (codec > static_cast<std::uint32_t>(Codec::zstd))
    return in.refuse("a block's codec is unknown");
  if (kind < 1 || kind > 4) return in.refuse("a chunk kind is unknown");
  block.codec = static_cast<Codec>(codec);
  block.kind = static_cast<ChunkKind>(kind);
  if (const char* trouble = trouble_with(block)) in.refuse(trouble);
}

bool is_data(const Block& block) { return block.kind == ChunkKind::data; }

// ---- Pack directories ---------------------------------------------------------------------------

void write_directory(StringWriter& out, const PackDirectory& directory) {
  for (const Block& block : directory.blocks) write_block(out, block);
  out.bytes(2, directory.session.span());
  out.s64(3, directory.created);
}

void read_directory(WireReader& in, PackDirectory& directory) {
  std::size_t chunks = 0;
  while (in.next()) {
    switch (in.field()) {
      case 1: {
        in.repeated();
        if (directory.blocks.size() == limits::kBlocksPerPack)
          return in.refuse("a pack has too many blocks");
        Block& block = directory.blocks.emplace_back();
        in.message(read_block, block);
        chunks += block.ids.size();
        if (chunks > limits::kChunksPerPack) return in.refuse("a pack has too many chunks");
        if (is_data(block) != is_data(directory.blocks.front()))
          return in.refuse("a pack mixes data and trees");
        break;
      }
      case 2:
        directory.session = in.id<SessionId>();
        break;
      case 3:
        directory.created = in.s64();
        break;
      default:
        in.unknown();
    }
  }
  if (!in.saw(2)) in.refuse("a pack has no session");
}

std::size_t size_hint(const PackDirectory& directory) {
  std::size_t size = 64;
  for (const Block& block : directory.blocks)
    size += 64 + block.ids.size() * ChunkId::kSize + lengths_size(block);
  return size;
}

// ---- Index segments -----------------------------------------------------------------------------

// Header before the blocks, trailer after them (docs/format.md, "Packs").
constexpr std::uint64_t kTrailerBytes = 144;

void write_pack(StringWriter& parent, const PackEntry& pack) {
  StringWriter out(parent, 1);
  out.bytes(1, pack.name.span());
  out.u64(2, pack.size);
  out.u64(3, static_cast<std::uint64_t>(pack.kind));
  out.bytes(4, pack.header.bytes);
  StringWriter nested(out, 5);
  write_directory(nested, pack.directory);
}

const char* trouble_with(const PackEntry& pack) {
  if (pack.size < limits::kPackBytesMin || pack.size > limits::kPackBytesMax)
    return "a pack's size is impossible";
  std::uint64_t used = kHeaderSize + kTrailerBytes;
  for (const Block& block : pack.directory.blocks) used += block.stored;  // at most 2^16 * 2^24
  if (used > pack.size) return "a pack's blocks do not fit into it";
  const bool holds_data = pack.kind == ObjectKind::data_pack;
  for (const Block& block : pack.directory.blocks)
    if (is_data(block) != holds_data) return "a chunk's kind does not fit its pack";
  return nullptr;
}

void read_pack(WireReader& in, PackEntry& pack) {
  std::uint32_t kind = 0;
  while (in.next()) {
    switch (in.field()) {
      case 1:
        pack.name = in.id<PackId>();
        break;
      case 2:
        pack.size = in.u64();
        break;
      case 3:
        kind = in.u32();
        break;
      case 4: {
        const auto header = Header::decode(as_bytes(in.bytes()));
        if (!header) return in.refuse("a pack's header is wrong");
        pack.header = *header;
        break;
      }
      case 5:
        in.message(read_directory, pack.directory);
        break;
      default:
        in.unknown();
    }
  }
  if (in.refused()) return;
  if (!in.saw_all({1, 4})) return in.refuse("a pack has no name or no header");
  if (kind != static_cast<std::uint32_t>(ObjectKind::data_pack) &&
      kind != static_cast<std::uint32_t>(ObjectKind::tree_pack))
    return in.refuse("a pack's kind is unknown");
  pack.kind = static_cast<ObjectKind>(kind);
  if (pack.header.kind() != pack.kind) return in.refuse("a pack's header has another kind");
  if (const char* trouble = trouble_with(pack)) in.refuse(trouble);
}

template <typename AnyId>
void write_sorted_ids(StringWriter& out, std::uint32_t field, std::vector<AnyId> ids) {
  std::ranges::sort(ids);
  out.joined_ids(field, ids);
}

}  // namespace

std::string encode(const PackDirectory& directory) {
  std::string message;
  message.reserve(size_hint(directory));
  StringWriter out(message);
  write_directory(out, directory);
  return message;
}

Result<PackDirectory> decode_pack_directory(ByteSpan message) {
  if (message.size() > limits::kSealedDirectoryBytes)
    return fail(ErrorCode::corrupt, "pack directory: too long");
  PackDirectory directory;
  WireReader in(message);
  read_directory(in, directory);
  TRY(in.status("pack directory"));
  return directory;
}

std::string encode(const Segment& segment) {
  std::string message;
  std::size_t size = 64 + 40 * (segment.supersedes.size() + segment.dropped.size());
  for (const PackEntry& pack : segment.packs) size += 192 + size_hint(pack.directory);
  message.reserve(size);
  StringWriter out(message);
  for (const PackEntry& pack : segment.packs) write_pack(out, pack);
  for (const SegmentId& id : segment.supersedes) out.bytes(2, id.span());
  for (const PackId& id : segment.dropped) out.bytes(3, id.span());
  out.bytes(4, segment.session.span());
  out.s64(5, segment.created);
  return message;
}

Result<Segment> decode_segment(ByteSpan message) {
  if (message.size() > limits::kSegmentBytes)
    return fail(ErrorCode::corrupt, "index segment: too long");
  Segment segment;
  WireReader in(message);
  while (in.next()) {
    switch (in.field()) {
      case 1:
        in.repeated();
        if (in.bytes().size() > limits::kPackEntryBytes) in.refuse("a pack entry is too long");
        in.message(read_pack, segment.packs.emplace_back());
        break;
      case 2:
        segment.supersedes.push_back(in.repeated().id<SegmentId>());
        break;
      case 3:
        segment.dropped.push_back(in.repeated().id<PackId>());
        break;
      case 4:
        segment.session = in.id<SessionId>();
        break;
      case 5:
        segment.created = in.s64();
        break;
      case 100:
        break;  // the signature is repo/body.h's
      default:
        in.unknown();
    }
  }
  if (!in.saw(4)) in.refuse("no session");
  if (in.saw_twice()) in.refuse("a field occurs twice");
  TRY(in.status("index segment"));
  segment.unknown_fields = in.saw_unknown();
  return segment;
}

std::string encode(const Condemned& condemned) {
  std::string message;
  StringWriter out(message);
  write_sorted_ids(out, 1, condemned.data_packs);
  write_sorted_ids(out, 2, condemned.tree_packs);
  out.s64(4, condemned.created);
  out.bytes(5, condemned.host);
  return message;
}

Result<Condemned> decode_condemned(ByteSpan message) {
  if (message.size() > limits::kCondemnedBytes)
    return fail(ErrorCode::corrupt, "condemned packs: too long");
  Condemned condemned;
  WireReader in(message);
  while (in.next()) {
    switch (in.field()) {
      case 1:
        in.joined_ids(condemned.data_packs);
        break;
      case 2:
        in.joined_ids(condemned.tree_packs);
        break;
      case 4:
        condemned.created = in.s64();
        break;
      case 5:
        condemned.host = in.text();
        break;
      case 100:
        break;
      default:
        in.unknown();
    }
  }
  if (in.saw_twice()) in.refuse("a field occurs twice");
  TRY(in.status("condemned packs"));
  std::ranges::sort(
      condemned.data_packs);  // callers search it; the writer's order is a promise only
  std::ranges::sort(condemned.tree_packs);
  condemned.unknown_fields = in.saw_unknown();
  return condemned;
}

}  // namespace lagan
