// SPDX-License-Identifier: Apache-2.0
#include "src/engine/check.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "repo/damaged_packs.h"
#include "src/engine/check_log.h"
#include "src/engine/check_objects.h"
#include "src/engine/check_packs.h"
#include "src/engine/check_trees.h"
#include "src/engine/reader_threads.h"
#include "src/engine/trial_restore.h"
#include "src/engine/verified_packs.h"

namespace lagan {
namespace {

// Each holds a pack and a decompressor; more of them do not read a disk faster.
constexpr std::size_t kThreadsMax = 8;

// What was verified longer ago is no news.
constexpr Nanoseconds kRecent = Nanoseconds{30} * 24 * 3600 * 1'000'000'000;

CheckOptions with_threads(const Repository& repository, CheckOptions options) {
  if (options.threads == 0) options.threads = reader_threads(repository, kThreadsMax);
  return options;
}

std::uint64_t random_number(const Repository& repository) {
  std::uint64_t number;
  std::memcpy(&number, repository.random_id().bytes.data(), sizeof number);
  return number;
}

// Verified ones first: what they lack is an error, what only others lack is none.
Result<std::vector<StoredSnapshot>> choose_snapshots(const CheckOptions& options,
                                                     const CheckedObjects& objects) {
  std::vector<StoredSnapshot> chosen;
  SnapshotList list;
  list.snapshots = objects.snapshots;
  for (const std::string& wanted : options.snapshots)
    chosen.push_back(TRY(find_snapshot(list, wanted, options.filter)));
  if (options.snapshots.empty()) {
    std::ranges::copy_if(
        objects.snapshots, std::back_inserter(chosen),
        [&](const StoredSnapshot& stored) { return matches(options.filter, stored.snapshot); });
  }
  // Not the one of std::ranges, which clang 14 cannot compile.
  std::stable_partition(chosen.begin(), chosen.end(),
                        [](const StoredSnapshot& stored) { return stored.verified; });
  return chosen;
}

// For the next backup, which stores again what they held, and for repair.
void remember_damage(const Repository& repository, const std::vector<StoredPack>& packs,
                     const std::vector<std::string>& broken) {
  std::unordered_set<PackId> damaged, whole;
  for (const std::string& name : broken)
    damaged.insert(*names::id_of<PackId>(*ObjectName::parse(name)));
  for (const StoredPack& pack : packs) {
    if (pack.is_read && !damaged.contains(pack.name)) whole.insert(pack.name);
  }
  remember_damaged_packs(repository, damaged, whole);
}

// Those to read, in the order to read them in.
std::vector<StoredPack> choose_packs(const Repository& repository, const CheckOptions& options,
                                     const CheckedIndex& checked, Nanoseconds now) {
  auto packs = choose(checked.packs, options.read, random_number(repository));
  put_oldest_first(
      packs, options.max_age ? now - *options.max_age : std::numeric_limits<Nanoseconds>::max());
  return packs;
}

void sum_up_verified(const CheckOptions& options, const CheckedIndex& checked, Nanoseconds now,
                     CheckResult& result) {
  result.recent = options.max_age.value_or(kRecent);
  for (const StoredPack& pack : checked.packs) {
    if (!pack.is_indexed) continue;
    result.total_bytes += pack.size;
    if (pack.verified == 0) continue;
    result.verified_bytes += pack.size;
    if (pack.verified > now - result.recent) result.recent_bytes += pack.size;
    if (result.verified_since == 0 || pack.verified < result.verified_since)
      result.verified_since = pack.verified;
  }
}

}  // namespace

Result<CheckResult> check(const Repository& repository, const CheckOptions& wanted,
                          Observer& observer,
                          const std::function<void(const Finding&)>& each_finding) {
  const CheckOptions options = with_threads(repository, wanted);
  const Nanoseconds begun = repository.now();
  CheckLog log(each_finding);
  CheckResult result;

  observer.begin(Phase::index);
  const CheckedObjects objects = TRY(check_objects(repository, options.threads, log));
  const auto snapshots = TRY(choose_snapshots(options, objects));
  CheckedIndex checked = TRY(check_index(repository, options.with_cache, objects.condemned, log));
  recall_verified(repository, checked.packs);
  const auto to_read = choose_packs(repository, options, checked, begun);
  std::optional<Nanoseconds> end;
  if (options.max_duration) end = begun + *options.max_duration;
  TRY(read_packs(repository, to_read, options, end, observer, log, checked));
  if (options.read_directories)
    result.directories_read = TRY(check_directories(repository, options, log, checked));

  observer.begin(Phase::trees);
  observer.progress.files_total = snapshots.size();
  // Where a chunk lies twice, its good copy counts.
  checked.index.set_condemned(checked.damage.packs());
  TrialRestore trial(options.trial_files, random_number(repository));
  TreeCheck trees(repository, checked.index, checked.damage, options.is_stopped, trial, log);
  for (const StoredSnapshot& stored : snapshots) {
    TRY(trees.check(stored));
    ++observer.progress.files_done;
  }
  TRY(trial.run(repository, checked.index, options, log));

  log.fill(result);
  remember_damage(repository, checked.packs, result.broken_packs);
  sum_up_verified(options, checked, begun, result);
  result.suggest_prune = checked.unindexed != 0;
  result.snapshots = snapshots.size();
  result.packs = checked.packs.size();
  result.packs_read = static_cast<std::uint64_t>(
      std::ranges::count_if(checked.packs, [](const StoredPack& pack) { return pack.is_read; }));
  result.bytes_read = observer.progress.bytes_done;
  result.packs_left = to_read.size() - result.packs_read;
  result.tree_nodes = trees.nodes();
  result.files = trees.files();
  result.trial_files = trial.drawn().size();
  result.trial_bytes = trial.bytes();
  return result;
}

}  // namespace lagan
