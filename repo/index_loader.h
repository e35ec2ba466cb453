// SPDX-License-Identifier: Apache-2.0
#pragma once

// Brings the local index in line with the repository: lists the index segments, fetches those that
// are new, and leaves out the superseded ones.

#include <string>
#include <vector>

#include "repo/local_index.h"
#include "repo/repository.h"

namespace lagan {

// A local index for this repository in its cache folder, or without one in temporary memory. Empty
// until loaded.
Result<LocalIndex> open_local_index(const Repository& repository);

struct LoadedIndex {
  std::vector<SegmentId> live;
  // Segments that could not be fetched, opened or verified: what they list is not "missing" but
  // unknown.
  std::vector<std::string> damaged;
};

// One pass: list, fetch what is not there yet, add, forget what is no longer live.
Result<LoadedIndex> load_index(const Repository& repository, LocalIndex& index);

// load_index for those who only read: copies outside condemned packs, which may be gone already,
// and outside damaged ones are preferred. A log that cannot be read costs that preference and is
// told among the damaged.
Result<LoadedIndex> load_index_to_read(const Repository& repository, LocalIndex& index);

// Fetches and decodes one segment. Its `supersedes` and `dropped` are empty unless the owner signed
// it.
Result<Segment> fetch_segment(const Repository& repository, const SegmentId& id);

// Union of all condemned logs. A log that cannot be read is an error.
Result<std::unordered_set<PackId>> load_condemned(const Repository& repository);

// The condemned packs, and those that a check on this machine has found damaged: whoever writes
// stores again what only these hold.
Result<std::unordered_set<PackId>> load_distrusted(const Repository& repository);

}  // namespace lagan
