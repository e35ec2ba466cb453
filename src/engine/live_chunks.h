// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which chunks the snapshots need: one bit for each in the index. A chunk is marked by the number
// of one copy of it; further copies are not needed by anybody. Valid until the index changes.

#include <string>
#include <vector>

#include "repo/chunk_reader.h"
#include "repo/local_index.h"
#include "repo/snapshots.h"

namespace lagan {

class LiveChunks {
 public:
  // Borrows both.
  LiveChunks(const Repository& repository, const LocalIndex& index);

  // Marks all that the snapshot needs. A chunk that is in no pack or cannot be read ends the mark
  // with an error that says what to do, unless nobody vouches for the snapshot (unverified or
  // forgotten) and the chunk is missing: then it goes to `warnings`.
  Result<void> mark(const StoredSnapshot& stored, std::vector<std::string>& warnings);

  // Is this copy the one that is needed?
  bool is_needed(std::uint64_t number) const { return number < needed_.size() && needed_[number]; }
  // Is the chunk needed, whichever copy this is?
  bool is_live(const ChunkId& id) const;

 private:
  bool note(const ChunkId& id);

  const LocalIndex& index_;
  ChunkReader reader_;
  std::vector<bool> needed_;
};

}  // namespace lagan
