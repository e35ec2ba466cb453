// SPDX-License-Identifier: Apache-2.0
#pragma once

// The parts of a check that compare index and listing, and that read packs whole.

#include <optional>
#include <set>
#include <vector>

#include "repo/local_index.h"
#include "src/engine/check_log.h"
#include "src/engine/observer.h"

namespace lagan {

struct StoredPack {
  PackId name;
  ObjectKind kind = ObjectKind::data_pack;
  std::uint64_t size = 0;  // in the storage
  bool is_indexed = true;
};

struct CheckedIndex {
  explicit CheckedIndex(LocalIndex from) : index(std::move(from)) {}
  LocalIndex index;               // of the live segments
  std::vector<StoredPack> packs;  // that are there
  KnownDamage damage;
  std::uint64_t unindexed = 0;
};

// Reads every segment (`with_cache`: only those that the local index lacks), lists all packs and
// compares. `condemned` packs that no segment lists wait for their deletion.
Result<CheckedIndex> check_index(const Repository& repository, bool with_cache,
                                 const std::set<PackId>& condemned, CheckLog& log);

// Those of `packs` that the subset stands for.
std::vector<StoredPack> choose(std::vector<StoredPack> packs, const ReadSubset& subset,
                               std::uint64_t seed);

// Reads these packs whole: name, both headers, directory, every block, every chunk. Adds to
// `checked.damage`.
Result<void> read_packs(const Repository& repository, const std::vector<StoredPack>& packs,
                        const CheckOptions& options, Observer& observer, CheckLog& log,
                        CheckedIndex& checked);

}  // namespace lagan
