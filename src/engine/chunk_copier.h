// SPDX-License-Identifier: Apache-2.0
#pragma once

// Brings the chunks that snapshots need from one repository into another: mark() finds out which
// are missing there, copy() reads them pack by pack. A block of which everything is missing is
// sealed anew as it was stored; only what is left of others is compressed again. Of siblings all
// kinds of chunks are copied. Between others only file content is, for it alone keeps its bytes,
// and its new ids are noted (ids depend on the repository's key); trees are written anew by
// TreeTranslator. Memory: two bits for each chunk of the source, and a few blocks for each thread.

#include <functional>
#include <optional>
#include <unordered_set>
#include <vector>

#include "repo/chunk_reader.h"
#include "repo/chunk_writer.h"
#include "src/engine/id_map.h"
#include "src/engine/observer.h"

namespace lagan {

class ChunkCopier {
 public:
  // Without `ids` the two are siblings. Borrows everything. `from_index` changes only before a
  // forget().
  ChunkCopier(const Repository& from, const LocalIndex& from_index, const Repository& to,
              IdMap* ids, std::size_t threads, std::function<bool()> is_stopped,
              Observer& observer);

  struct Amount {
    std::uint64_t chunks = 0, bytes = 0;
  };
  using Knows = std::function<bool(const ChunkId&)>;
  // Marks what the snapshot needs and nobody `knows`, and says how much that is. What was met since
  // the last forget() is neither looked at nor marked again.
  Result<Amount> mark(const Snapshot& snapshot, const Knows& knows);

  // Copies all that is marked, but does not wait until it is durable. Counts into the observer's
  // progress.
  Result<void> copy(ChunkWriter& writer);

  // What was copied or found to be there may not be relied on any more, or an error has cut the
  // work short.
  Result<void> forget();

 private:
  // Blocks of one pack that lie close together.
  struct Part {
    std::uint32_t ordinal = 0;
    std::uint64_t offset = 0;
    std::vector<bool> wanted;  // chunk by chunk
  };
  struct Unit {
    std::vector<Part> parts;
    ByteRange range;
  };
  Result<void> want(const ChunkId& id, Amount& amount);
  std::vector<Unit> plan(const PackEntry& pack);
  std::vector<bool> take(const Block& block);
  Result<void> copy_pack(const PackId& name, ChunkWriter& writer, ChunkWriter::Lane& lane);
  Result<void> copy_block(const Block& block, const Part& part, ByteSpan sealed, PackOpener& opener,
                          ChunkWriter& writer, ChunkWriter::Lane& lane);

  const Repository& from_;
  const LocalIndex& from_index_;
  const Repository& to_;
  IdMap* const ids_;
  const std::size_t threads_;
  const std::function<bool()> is_stopped_;
  Observer& observer_;
  ChunkReader reader_;
  std::vector<bool> seen_;  // by number
  std::vector<PackId> packs_;
  std::unordered_set<PackId> known_packs_;
  Mutex mutex_, lane_mutex_;
  std::vector<bool> wanted_ GUARDED_BY(mutex_);   // by number …
  std::uint64_t waiting_ GUARDED_BY(mutex_) = 0;  // … and how many those are
};

}  // namespace lagan
