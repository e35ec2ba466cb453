// SPDX-License-Identifier: Apache-2.0
#pragma once

// Damaged packs: what can still be read of them is stored again in new packs, index first; then
// they are condemned and taken out of the index, so that a later collection deletes them as it
// deletes any other (docs/architecture.md, "The concurrency protocol"). Deletes nothing. A pack
// that nothing tells how to read is condemned too, so that it no longer stands in the way of
// collections, but nobody ever deletes it. Of one that the storage refuses to read, what can be
// read is stored again, and it stays, unless it is to be given up.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "repo/local_index.h"
#include "repo/repository.h"
#include "src/engine/observer.h"

namespace lagan {

struct RepairPacksOptions {
  // Names of packs or the beginnings of their ids; none: those that are known to be damaged, by an
  // earlier check on this machine or by what the listing shows.
  std::vector<std::string> packs;
  bool read_all = false;  // looks at every pack instead
  // Also gives up packs that the storage refuses to read, which may be whole: a mount that is away
  // for a moment answers as a broken disk does.
  bool give_up_unreadable = false;
  bool carry_out = false;
  std::function<bool()> is_stopped = [] { return false; };
};

struct DamagedPack {
  std::string name;
  std::vector<std::string> troubles;
  std::uint64_t good_chunks = 0, bad_chunks = 0;
  bool is_readable = true;  // false: nothing tells where its blocks lie
  bool is_kept = false;     // it could not be read, which may pass: not replaced
};

struct RepairPacksResult {
  std::uint64_t packs_read = 0;
  std::vector<DamagedPack> damaged;  // by name
  std::uint64_t lost_chunks = 0;     // that are nowhere else
  // Files and folders that need one of these, as "snapshot:path"; of each path the first snapshot
  // that has it.
  std::vector<std::string> affected;
  std::uint64_t chunks_stored = 0, bytes_stored = 0;  // again
};

// Looks, and with `carry_out` also does it.
Result<RepairPacksResult> repair_packs(const Repository& repository,
                                       const RepairPacksOptions& options, Observer& observer);

// `corrupt` while a pack that the index lists is known to be damaged: says which, and what to do.
Result<void> require_no_known_damage(const Repository& repository, const LocalIndex& index);

}  // namespace lagan
