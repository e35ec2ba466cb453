// SPDX-License-Identifier: Apache-2.0
#pragma once

// Is everything there, readable and consistent? Reads the repository and writes nothing to it.
//
//   objects      boot record, keys, configs, snapshots, marks, logs: each opened and decoded
//   index        every segment read whole from the storage, its packs compared with the listing
//   data         if asked: packs read whole, every block opened, every chunk hashed
//   directories  if asked: those of the other packs compared with the index
//   trees        of every snapshot that is not forgotten, shared parts once: each chunk that an
//                entry needs is listed, in a pack that is there, and long enough
//   files        if asked: some read whole, as a restore would read them
//
// What an interrupted run leaves (packs in no index, sessions without snapshot, fences) is worth a
// note and no error.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "repo/repository.h"
#include "repo/snapshots.h"
#include "src/engine/observer.h"
#include "util/clock.h"

namespace lagan {

// Which packs are read whole.
struct ReadSubset {
  enum class Kind {
    none,
    all,
    part,   // the `part`th of `parts`: the same packs every time, all of them after `parts` runs
    share,  // a random `share` (0 to 1) of the packs
    bytes,  // random packs of about `bytes` in total
  };
  Kind kind = Kind::none;
  std::uint64_t part = 1, parts = 1;
  double share = 1;
  std::uint64_t bytes = 0;
};

struct CheckOptions {
  ReadSubset read;
  // Packs that this client verified longest ago, or never, are read first; after so much time since
  // the beginning of the check no further one is. At least one is read.
  std::optional<Nanoseconds> max_duration;
  // Packs that this client verified within so much time are left out.
  std::optional<Nanoseconds> max_age;
  bool read_directories = false;
  std::size_t trial_files = 0;  // so many, at random
  // Trees of these snapshots only; none named: of all that match the filter.
  std::vector<std::string> snapshots;
  SnapshotFilter filter;
  // Believes the local index instead of reading every segment.
  bool with_cache = false;
  std::size_t threads = 0;  // 0: by the number of processors
  std::function<bool()> is_stopped = [] { return false; };
};

enum class Severity { note, warning, error };

struct Finding {
  Severity severity = Severity::error;
  std::string where;  // an object's name, or the path of an affected file
  std::string what;
};

struct CheckResult {
  std::uint64_t errors = 0, warnings = 0;
  std::vector<std::string> broken_packs;  // object names
  bool suggest_repair_index = false;
  bool suggest_prune = false;
  std::uint64_t snapshots = 0, packs = 0, packs_read = 0, bytes_read = 0;
  std::uint64_t packs_left = 0;  // that should have been read, but for the time
  std::uint64_t directories_read = 0;
  std::uint64_t tree_nodes = 0, files = 0;  // each once, however many snapshots share it
  std::uint64_t trial_files = 0, trial_bytes = 0;
  // What this client has read whole and found good, now or in earlier runs, of the indexed packs.
  std::uint64_t total_bytes = 0, verified_bytes = 0, recent_bytes = 0;
  Nanoseconds recent = 0;          // how long ago that is at most
  Nanoseconds verified_since = 0;  // when the first of all the verified ones was read; 0: none
};

// `each` is told every finding, by one thread at a time. An error means that the check could not
// go on: the storage is away, or it was stopped. `observer` sees the progress only.
Result<CheckResult> check(const Repository& repository, const CheckOptions& options,
                          Observer& observer,
                          const std::function<void(const Finding&)>& each_finding);

}  // namespace lagan
