// SPDX-License-Identifier: Apache-2.0
#pragma once

// The parts of a check that compare index and listing, and that read packs.

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
  Nanoseconds verified = 0;  // when this client last read it whole and found it good; 0: unknown
  bool is_read = false;      // in this check
};

struct CheckedIndex {
  explicit CheckedIndex(LocalIndex from) : index(std::move(from)) {}
  LocalIndex index;               // of the live segments
  std::vector<StoredPack> packs;  // that are there, by name
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

// Leaves out what was verified after `too_recent`; puts what was verified longest ago, or never,
// first.
void put_oldest_first(std::vector<StoredPack>& packs, Nanoseconds too_recent);

// Reads these packs whole: name, both headers, directory, every block, every chunk. Adds to
// `checked.damage`, and notes in `checked.packs` and the cache what was read and found good, also
// when it ends with an error. Begins no pack but the first at `end` or later.
Result<void> read_packs(const Repository& repository, const std::vector<StoredPack>& packs,
                        const CheckOptions& options, std::optional<Nanoseconds> end,
                        Observer& observer, CheckLog& log, CheckedIndex& checked);

// Compares the directory of every indexed pack that was not read with the index; returns how many
// that were.
Result<std::uint64_t> check_directories(const Repository& repository, const CheckOptions& options,
                                        CheckLog& log, const CheckedIndex& checked);

}  // namespace lagan
