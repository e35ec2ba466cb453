// SPDX-License-Identifier: Apache-2.0
#pragma once

// One immutable sorted run of the local index (repo/run_layout.h). Whatever its file holds, a run
// answers with what was written, or it becomes damaged() and answers nothing at all: every page is
// compared with its hash before its first use, and every number is checked before it is followed.
// Const calls may run on several threads at once.

#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "repo/local_index.h"
#include "repo/paged_file.h"
#include "repo/run_layout.h"
#include "util/file.h"
#include "util/id.h"
#include "util/mutex.h"
#include "util/result.h"

namespace lagan {

// Threads walk through packs each at its own place. Two threads may share a slot, at some cost.
constexpr std::size_t kThreadSlots = 16;
inline std::size_t thread_slot() {
  return std::hash<std::thread::id>{}(std::this_thread::get_id()) % kThreadSlots;
}

class IndexRun {
 public:
  // Reads the header only. `corrupt` for anything that a writer of this version did not write for
  // this repository.
  static Result<std::unique_ptr<IndexRun>> open(File file, const RepositoryId& repository);

  const RunCounts& counts() const { return layout_.counts; }
  const std::vector<SegmentId>& segments() const { return segments_; }
  std::uint64_t file_size() const { return layout_.file_size; }
  bool damaged() const { return body_.damaged(); }
  // Makes it so, for a reader that finds what no writer writes, and says so.
  Error damage() const;

  // Keeps the filter, the directory and `more` bytes in memory; the least a run can do with is 0.
  void keep_in_memory(std::uint64_t more);
  // Gives back what a merge does not need: the filter, and all but the names of packs.
  void prepare_to_merge();
  // If all of it is kept in memory: reads it at once, so that damage shows before anything is
  // asked.
  void check_if_in_memory() const {
    if (body_.resident_size() == layout_.body_size) body_.check_all();
  }
  // What keep_in_memory() can make use of.
  std::uint64_t memory_wanted() const { return layout_.body_size - layout_.directory.end(); }

  // From now on packs that no segment in `live` lists are dead: found by no call below. The
  // walks over records go on to see them. False if none of the segments is live.
  bool set_live(const std::unordered_set<SegmentId>& live);
  bool is_live(std::size_t segment) const {
    return dead_segments_.empty() || !dead_segments_[segment];
  }
  std::uint64_t live_chunks() const { return counts().chunks - dead_chunks_; }
  void set_condemned(const std::unordered_set<PackId>& packs);
  bool is_dead(std::uint32_t pack) const { return !flags_.empty() && (flags_[pack] & kDead) != 0; }

  enum class Copies { any, not_condemned };
  // The number of a chunk with this id: of the first in the order of the keys, if there are
  // several.
  std::optional<std::uint32_t> find(const ChunkId& id, Copies copies) const;
  // False: there is none. True for a few that are not there, too.
  bool may_contain(const ChunkId& id) const;
  // False if another chunk of the same key comes before this one, which find() may prefer then.
  // The first call reads all keys.
  bool is_first(std::uint32_t chunk) const;
  // Whether `chunk` is such a one, if that can be told without reading: the chunks after those
  // found in a row are there.
  bool is_next(std::uint32_t chunk, const ChunkId& id, Copies copies) const;
  // All but pack_number, which is the number within the run.
  std::optional<ChunkLocation> location(std::uint32_t chunk) const;

  std::optional<std::uint32_t> find_pack(const PackId& name) const;

  // The records themselves. Nothing: damaged.
  std::optional<RunPack> pack(std::uint32_t number) const;
  std::optional<RunBlock> block(std::uint32_t number) const;
  // Until `each` fails.
  Result<void> each_chunk(std::uint32_t first, std::uint32_t count,
                          const std::function<Result<void>(const RunChunk&)>& each) const;
  // Appends the segments that list a pack, as numbers into segments().
  bool origins(const RunPack& pack, std::vector<std::uint32_t>& into) const;
  // Fills `into` from the sorted keys.
  bool entries(std::uint64_t first, std::span<std::uint64_t> into) const;

  // Where the run's file is, empty if it has no name; and what its pack numbers begin with in
  // ChunkLocation. Kept here for LocalIndex.
  std::string path;
  std::uint32_t first_pack_number = 0;
  // Once: another index may have made one of the same name since. Any thread.
  void delete_file() const {
    if (!path.empty() && !is_deleted_.exchange(true)) ::unlink(path.c_str());
  }

 private:
  static constexpr std::uint8_t kDead = 1;
  static constexpr std::uint8_t kCondemned = 2;

  IndexRun(File file, std::vector<PagedFile::PageHash> hashes, const RunLayout& layout,
           std::vector<SegmentId> segments);
  const std::byte* look(const RunSection& section, std::uint64_t first, std::uint64_t count,
                        MutableByteSpan scratch) const;
  std::optional<std::uint32_t> search(const ChunkId& id, Copies copies) const;
  bool matches(std::uint32_t chunk, const ChunkId& id) const;
  bool chunks_are_in_memory() const { return layout_.chunks.end() <= body_.resident_size(); }
  bool wanted(std::uint32_t chunk, Copies copies) const;
  struct NumberedBlock {
    std::uint32_t number;
    RunBlock block;
  };
  std::optional<NumberedBlock> block_of(std::uint32_t chunk) const;
  std::optional<std::uint32_t> pack_of(std::uint32_t chunk) const;
  void find_firsts() const;
  std::optional<RunBlock> checked(const RunBlock& block) const;
  std::nullopt_t impossible() const;
  void forget_flags_if_none();

  mutable std::atomic<bool> is_deleted_ = false;
  PagedFile body_;
  const RunLayout layout_;
  const std::vector<SegmentId> segments_;
  std::vector<bool> dead_segments_;  // empty: none
  std::vector<std::uint8_t> flags_;  // for each pack; empty: none has any
  std::uint64_t dead_chunks_ = 0;

  // Chunks that follow those one thread found in a row, where they are not in memory anyway.
  struct alignas(64) Ahead {
    Mutex mutex;
    std::uint32_t first GUARDED_BY(mutex) = 0;
    std::uint32_t count GUARDED_BY(mutex) = 0;
    std::uint32_t last_found GUARDED_BY(mutex) = 0;
    Bytes chunks GUARDED_BY(mutex);
    RunBlock block GUARDED_BY(mutex);  // that of the last chunk whose pack was asked for
  };
  mutable std::array<Ahead, kThreadSlots> ahead_;

  mutable std::once_flag firsts_found_;
  mutable std::vector<bool> firsts_;  // for each chunk
};

}  // namespace lagan
