// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which chunks the snapshots need: one bit for each in the index. A chunk is marked by the number
// of one copy of it; further copies are not needed by anybody. Valid until the index changes.

#include <functional>
#include <string>
#include <unordered_set>
#include <vector>

#include "repo/chunk_reader.h"
#include "repo/local_index.h"
#include "repo/snapshots.h"

namespace lagan {

class LiveChunks {
 public:
  // Borrows both.
  LiveChunks(const Repository& repository, const LocalIndex& index);

  // Marks all that the snapshots need. A chunk that no segment lists or that cannot be read ends
  // the mark with an error, unless nobody vouches for the snapshot (unverified or forgotten) and
  // the chunk is listed nowhere: then it goes to `warnings`. Snapshots that are vouched for come
  // first: what they share with others has then been walked for them.
  Result<void> mark(const std::vector<StoredSnapshot>& snapshots,
                    std::vector<std::string>& warnings, const std::function<bool()>& is_stopped);

  // Is this copy the one that is needed?
  bool is_needed(std::uint64_t number) const { return number < needed_.size() && needed_[number]; }
  // Is the chunk needed, whichever copy this is?
  bool is_live(const ChunkId& id) const;
  // What snapshots that nobody vouches for need and no segment lists.
  const std::unordered_set<ChunkId>& missing() const { return missing_; }

 private:
  Result<void> mark_one(const StoredSnapshot& stored, std::vector<std::string>& warnings);
  bool note(std::uint64_t number);

  const LocalIndex& index_;
  ChunkReader reader_;
  std::vector<bool> needed_;
  std::unordered_set<ChunkId> missing_;
};

}  // namespace lagan
