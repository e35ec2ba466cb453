// SPDX-License-Identifier: Apache-2.0
#pragma once

// What an index run looks like on disk: a header, and a body of sections, each an array of records
// of one size. Everything follows from five counts, so a header has little to lie about. Not part
// of the repository's format: bump kRunVersion and old runs are made again.
//
//   header     magic[8] version repository counts hash[32], the ids of the segments it covers, a
//              hash for each page of the body; `hash` covers all of the header but itself
//   bloom      filter over all chunk ids
//   directory  for each bucket of keys, where it begins; one more at the end
//   pack keys  first four bytes of the pack's name, pack number; sorted
//   packs      in the order they were added
//   origins    for each pack the segments that list it, as numbers into the header's list
//   marks      the block of every 64th chunk
//   blocks     in pack order
//   keys       first four bytes of the chunk's id, chunk number; sorted
//   chunks     in pack order: id, offset, length
//
// Chunks lie in pack order because duplicates come in pack order: the chunk after the last one
// found is the likeliest to be asked for next.

#include <cstddef>
#include <cstdint>
#include <string>

#include "repo/messages.h"
#include "util/bytes.h"
#include "util/coding.h"
#include "util/id.h"

namespace lagan {

constexpr std::uint32_t kRunVersion = 1;
constexpr std::string_view kRunMagic = "LGNINDEX";
constexpr std::size_t kRunHeaderSize = 96;        // before the segment ids
constexpr std::size_t kRunHashedHeaderSize = 64;  // the part of it before the hash
constexpr std::uint32_t kChunksPerMark = 64;
constexpr std::uint32_t kKeysPerBucket = 32;

// Numbers in a run are 32 bits, and one more must fit.
constexpr std::uint64_t kRunMaxRecords = 0xffff'fffe;

struct RunCounts {
  std::uint32_t segments = 0, packs = 0, origins = 0, blocks = 0, chunks = 0;
};

struct RunSection {
  std::uint64_t offset = 0;  // in the body
  std::uint64_t count = 0;   // of records
  std::uint64_t width = 0;   // bytes of a record

  std::uint64_t end() const { return offset + count * width; }
};

struct RunLayout {
  explicit RunLayout(const RunCounts& counts);

  RunCounts counts;
  RunSection bloom, directory, pack_keys, packs, origins, marks, blocks, keys, chunks;
  std::uint64_t body_size = 0;
  std::uint64_t pages = 0;       // of the body
  std::uint64_t body_begin = 0;  // in the file
  std::uint64_t file_size = 0;
};

struct RunPack {
  PackId name;
  HeaderBytes header{};
  SessionId session;
  std::uint64_t size = 0;
  Nanoseconds created = 0;
  std::uint32_t first_block = 0, blocks = 0;
  std::uint32_t first_chunk = 0, chunks = 0;
  std::uint32_t first_origin = 0, origins = 0;
  ObjectKind kind = ObjectKind::data_pack;

  static constexpr std::size_t kSize = 192;
  void encode(std::byte* to) const;
  static RunPack decode(const std::byte* from);
};

struct RunBlock {
  std::uint64_t nonce_tail = 0;
  std::uint32_t first_chunk = 0, chunks = 0;
  std::uint32_t pack = 0;
  std::uint32_t offset = 0;  // in the pack; packs are at most 1 GiB
  std::uint32_t stored = 0, raw = 0;
  Codec codec = Codec::raw;
  ChunkKind kind = ChunkKind::data;

  static constexpr std::size_t kSize = 36;
  void encode(std::byte* to) const;
  static RunBlock decode(const std::byte* from);
};

struct RunChunk {
  ChunkId id;
  std::uint32_t offset = 0, length = 0;  // in the raw block: below 2^24

  static constexpr std::size_t kSize = 38;
  void encode(std::byte* to) const;
  static RunChunk decode(const std::byte* from);
};

// A key and a number in one integer: they sort by key.
constexpr std::size_t kRunKeySize = 8;
template <typename Tag>
std::uint32_t run_key(const Id<Tag, 32>& id) {
  return load_le<std::uint32_t>(id.bytes.data());
}
inline std::uint64_t run_entry(std::uint32_t key, std::uint32_t number) {
  return std::uint64_t{key} << 32 | number;
}
inline std::uint32_t key_of_entry(std::uint64_t entry) {
  return static_cast<std::uint32_t>(entry >> 32);
}
inline std::uint32_t number_of_entry(std::uint64_t entry) {
  return static_cast<std::uint32_t>(entry);
}
// Grows with the key, so that buckets follow each other in the sorted keys.
inline std::uint64_t bucket_of_key(std::uint32_t key, std::uint64_t buckets) {
  return (key * buckets) >> 32;
}

}  // namespace lagan
