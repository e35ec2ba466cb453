// SPDX-License-Identifier: Apache-2.0
#include "src/engine/check.h"

#include <algorithm>
#include <cstring>
#include <thread>

#include "repo/damaged_packs.h"
#include "src/engine/check_log.h"
#include "src/engine/check_objects.h"
#include "src/engine/check_packs.h"
#include "src/engine/check_trees.h"

namespace lagan {
namespace {

// Each holds a pack and a decompressor; more of them do not read a disk faster.
constexpr std::size_t kThreadsMax = 8;

CheckOptions with_threads(CheckOptions options) {
  if (options.threads == 0)
    options.threads = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 2, kThreadsMax);
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
void remember_damage(const Repository& repository, const std::vector<StoredPack>& read,
                     const std::vector<std::string>& broken) {
  std::unordered_set<PackId> damaged, whole;
  for (const std::string& name : broken)
    damaged.insert(*names::id_of<PackId>(*ObjectName::parse(name)));
  for (const StoredPack& pack : read) {
    if (!damaged.contains(pack.name)) whole.insert(pack.name);
  }
  remember_damaged_packs(repository, damaged, whole);
}

}  // namespace

Result<CheckResult> check(const Repository& repository, const CheckOptions& wanted,
                          Observer& observer,
                          const std::function<void(const Finding&)>& each_finding) {
  const CheckOptions options = with_threads(wanted);
  CheckLog log(each_finding);
  CheckResult result;

  observer.begin(Phase::index);
  const CheckedObjects objects = TRY(check_objects(repository, options.threads, log));
  const auto snapshots = TRY(choose_snapshots(options, objects));
  CheckedIndex checked = TRY(check_index(repository, options.with_cache, objects.condemned, log));
  const auto to_read = choose(checked.packs, options.read, random_number(repository));
  TRY(read_packs(repository, to_read, options, observer, log, checked));

  observer.begin(Phase::trees);
  observer.progress.files_total = snapshots.size();
  // Where a chunk lies twice, its good copy counts.
  checked.index.set_condemned(checked.damage.packs());
  TreeCheck trees(repository, checked.index, checked.damage, options.is_stopped, log);
  for (const StoredSnapshot& stored : snapshots) {
    TRY(trees.check(stored));
    ++observer.progress.files_done;
  }

  log.fill(result);
  remember_damage(repository, to_read, result.broken_packs);
  result.suggest_prune = checked.unindexed != 0;
  result.snapshots = snapshots.size();
  result.packs = checked.packs.size();
  result.packs_read = to_read.size();
  result.bytes_read = observer.progress.bytes_done;
  result.tree_nodes = trees.nodes();
  result.files = trees.files();
  return result;
}

}  // namespace lagan
