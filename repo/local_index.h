// SPDX-License-Identifier: Apache-2.0
#pragma once

// Where every chunk lies: the local form of the repository's index segments, as sorted runs in
// files, each with a radix directory and a blocked Bloom filter. Not part of the format: a run may
// be deleted or damaged at any time and is then made again from its segments. What is kept in
// memory is the filters (two bytes a chunk) and at most 64 MiB of the rest. Const calls may run on
// several threads at once; everything else wants the index alone.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "repo/messages.h"
#include "util/id.h"
#include "util/result.h"

namespace lagan {

// One chunk inside one block of one pack: all that is needed to fetch and open it.
struct ChunkLocation {
  PackId pack;
  std::uint32_t pack_number =
      0;  // a number for this pack, unique within this LocalIndex and its life
  std::uint32_t block_number = 0;  // the block's ordinal in its pack
  std::uint64_t block_offset = 0;  // of the block in the pack
  std::uint32_t stored = 0, raw = 0;
  Codec codec = Codec::raw;
  ChunkKind kind = ChunkKind::data;
  std::uint64_t nonce_tail = 0;
  std::uint32_t chunk_offset = 0, chunk_length = 0;  // in the block's raw bytes
  // Of this copy, its own until the index changes; counted from 0 over all runs.
  std::uint64_t number = 0;
};

class LocalIndex {
 public:
  // For all but the filters, shared by all runs.
  static constexpr std::uint64_t kMemoryBytes = std::uint64_t{64} << 20;

  // Runs live in `folder` (made if missing); an empty name keeps them in unnamed temporary files,
  // and so does a folder that cannot be written. Runs found there that are damaged, of another
  // repository or another version are deleted and forgotten. Damage of what is too large to be kept
  // in memory shows only when it is read: see damaged().
  static Result<LocalIndex> open(const std::string& folder, const RepositoryId& repository,
                                 std::uint64_t memory_bytes = kMemoryBytes);

  LocalIndex(LocalIndex&&) noexcept;
  LocalIndex& operator=(LocalIndex&&) noexcept;
  ~LocalIndex();

  // Forgets every pack that only segments outside `live` list, and every run that was found to be
  // damaged; returns the live segments that are in no run now.
  Result<std::vector<SegmentId>> missing(const std::vector<SegmentId>& live);

  // Makes a run of a segment's packs. The same segment twice is ignored. A failure (a full disk)
  // leaves the index as it was, here as in compact().
  Result<void> add(const SegmentId& id, const Segment& segment);

  // Merges runs until there are few of them (sizes grow by a factor of at least four). Cheap when
  // there is nothing to do. add() does it by itself only before there are too many open files.
  Result<void> compact();

  // Packs that must not be deduplicated against.
  void set_condemned(std::unordered_set<PackId> packs);

  // For reading: any copy, one outside condemned packs if there is one.
  std::optional<ChunkLocation> find(const ChunkId& id) const;
  // The number of one copy, one outside condemned packs if there is one: the same copy each time,
  // until the index changes.
  std::optional<std::uint64_t> number(const ChunkId& id) const;
  // For deduplication: is there a copy outside condemned packs?
  bool contains(const ChunkId& id) const;

  // Whether a run was found to be damaged since missing(). What it held is found no more, so a
  // chunk that is nowhere may be in a segment that missing() will name.
  bool damaged() const;
  // Deletes the files of damaged runs, so that whoever opens the folder next makes them again. Also
  // done when the index goes.
  void delete_damaged() const;

  // The header of a pack that find() named, for its key. `not_found` if the pack has left the index
  // since, or its run is damaged: it is in a segment then.
  Result<Header> pack_header(const ChunkLocation& location) const;

  struct PackSummary {
    PackId name;
    std::uint64_t size = 0;
    ObjectKind kind = ObjectKind::data_pack;
    Header header;
    std::uint32_t pack_number = 0;
    std::uint64_t chunks = 0;
  };
  // Every listed pack, each once even if several segments list it. Walks are `corrupt` rather than
  // leave out what a damaged run held.
  Result<void> for_each_pack(const std::function<Result<void>(const PackSummary&)>& each) const;
  // False too for what a damaged run held: ask damaged() before concluding anything from it.
  bool has_pack(const PackId& pack) const;
  // Every chunk, pack by pack; a chunk in several packs comes several times.
  Result<void> for_each_chunk(
      const std::function<Result<void>(const ChunkId&, const ChunkLocation&)>& each) const;
  // The whole directory of a pack, as the segment listed it.
  Result<PackEntry> pack_entry(const PackId& pack) const;

  // Of all runs; a pack that several of them list counts several times until compact().
  std::uint64_t chunk_count() const;

 private:
  struct State;
  explicit LocalIndex(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace lagan
