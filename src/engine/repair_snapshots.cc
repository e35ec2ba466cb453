// SPDX-License-Identifier: Apache-2.0
#include "src/engine/repair_snapshots.h"

#include <algorithm>

#include "src/engine/forget.h"
#include "src/engine/snapshot_mender.h"

namespace lagan {
namespace {

const std::string kTag = "repaired";

bool is_repaired(const Snapshot& snapshot) {
  return std::ranges::find(snapshot.tags, kTag) != snapshot.tags.end();
}

// The one that an earlier repair has put for this one, if nothing of that has been lost since.
Result<std::optional<SnapshotId>> find_repaired(const SnapshotList& list, SnapshotMender& mender,
                                                const StoredSnapshot& broken) {
  const SnapshotId original = broken.snapshot.original.value_or(broken.id);
  for (const StoredSnapshot& stored : list.snapshots) {
    if (stored.id != broken.id && stored.snapshot.original == original &&
        stored.snapshot.time == broken.snapshot.time && is_repaired(stored.snapshot) &&
        TRY(mender.losses(stored.snapshot)).empty()) {
      return std::optional(stored.id);
    }
  }
  return std::optional<SnapshotId>();
}

Result<std::vector<StoredSnapshot>> choose(const SnapshotList& list,
                                           const RepairSnapshotsOptions& options) {
  std::vector<StoredSnapshot> chosen;
  for (const std::string& wanted : options.snapshots)
    chosen.push_back(TRY(find_snapshot(list, wanted, options.filter)));
  if (!options.snapshots.empty()) return chosen;
  std::ranges::copy_if(
      list.snapshots, std::back_inserter(chosen),
      [&](const StoredSnapshot& stored) { return matches(options.filter, stored.snapshot); });
  return chosen;
}

Result<void> carry_out(const Repository& repository, SnapshotMender& mender, bool forget_it,
                       const StoredSnapshot& stored, BrokenSnapshot& broken) {
  if (!broken.repaired) {
    Snapshot snapshot = stored.snapshot;
    if (!is_repaired(snapshot)) snapshot.tags.push_back(kTag);
    const SnapshotId original = snapshot.original.value_or(stored.id);
    broken.repaired = TRY(mender.put_mended(original, std::move(snapshot)));
    broken.is_lost = !broken.repaired;
  }
  if (!forget_it) return {};
  TRY(forget(repository, {stored.id},
             broken.repaired ? "repaired as " + broken.repaired->hex() : "nothing of it is left"));
  broken.is_forgotten = true;
  return {};
}

}  // namespace

Result<RepairSnapshotsResult> repair_snapshots(const Repository& repository,
                                               const RepairSnapshotsOptions& options) {
  if (options.carry_out) TRY(repository.check_writable());
  const auto mender = TRY(SnapshotMender::open(repository));
  const SnapshotList list = TRY(list_snapshots(repository, Which::remembered, ReadFrom::storage));
  RepairSnapshotsResult result;
  result.unreadable = list.damaged;
  for (const StoredSnapshot& stored : TRY(choose(list, options))) {
    if (options.is_stopped()) return fail(ErrorCode::cancelled, "interrupted");
    ++result.snapshots;
    BrokenSnapshot broken{.id = stored.id, .losses = TRY(mender->losses(stored.snapshot))};
    if (broken.losses.empty()) continue;
    broken.repaired = TRY(find_repaired(list, *mender, stored));
    if (options.carry_out) TRY(carry_out(repository, *mender, options.forget, stored, broken));
    result.broken.push_back(std::move(broken));
  }
  return result;
}

}  // namespace lagan
