// SPDX-License-Identifier: Apache-2.0
#include "src/engine/repair_snapshots.h"

#include <doctest/doctest.h>

#include "src/engine/prune.h"
#include "src/engine/repair_index.h"
#include "tests/engine/damage_samples.h"

namespace lagan {
namespace {

PruneOptions no_window() {
  PruneOptions options;
  options.undelete_window = 0;
  return options;
}

RepairSnapshotsResult repair(Damaged& damaged, bool forget_broken, bool carry_out = true) {
  RepairSnapshotsOptions options;
  options.forget = forget_broken;
  options.carry_out = carry_out;
  auto result = repair_snapshots(*damaged, options);
  REQUIRE_MESSAGE(result, result.error().message);
  return *std::move(result);
}

// Lost for good, as everybody can see.
void lose(Damaged& damaged, const std::string& pack) {
  damaged.remove(pack);
  REQUIRE(repair_index(*damaged, true));
  CHECK(damaged.check_all().errors > 0);
}

std::map<std::string, std::string> restored(Damaged& damaged, const SnapshotId& id,
                                            std::vector<std::string>& troubles) {
  const std::string target = damaged.client.work("back");
  troubles = damaged.client.restore_source(id, target).troubles;
  auto state = describe_tree(target);
  remove_tree(target);
  return state;
}

TEST_CASE("an intact snapshot stays as it is") {
  Damaged damaged;
  damaged.storage().forget_calls();
  const auto result = repair(damaged, true);
  CHECK(result.snapshots == 1);
  CHECK(result.broken.empty());
  CHECK(damaged.storage().calls("put").empty());
}

TEST_CASE("a snapshot that lacks data is replaced by one that says where holes are") {
  Damaged damaged;
  const SnapshotId before = damaged.snapshot;
  lose(damaged, damaged.names("data/").front());
  damaged.storage().forget_calls();
  const auto plan = repair(damaged, true, false);
  CHECK(damaged.storage().calls("put").empty());
  REQUIRE(plan.broken.size() == 1);
  CHECK_FALSE(plan.broken[0].losses.empty());

  const auto done = repair(damaged, true);
  REQUIRE(done.broken.size() == 1);
  REQUIRE(done.broken[0].repaired);
  CHECK(done.broken[0].losses == plan.broken[0].losses);
  const SnapshotId id = *done.broken[0].repaired;
  const Snapshot snapshot = damaged.client.load(id);
  CHECK(snapshot.original == before);
  CHECK(snapshot.tags == std::vector<std::string>{"repaired"});
  CHECK(list_snapshots(*damaged)->snapshots.size() == 1);
  damaged.check_is_clean();

  // What is there has its attributes and its size; what is missing, or of which nothing is left, is
  // told.
  std::vector<std::string> troubles;
  const auto state = restored(damaged, id, troubles);
  const auto gone = std::ranges::count_if(
      damaged.state, [&](const auto& each) { return !state.contains(each.first); });
  CHECK(static_cast<std::size_t>(gone) <= troubles.size());
  CHECK(state.size() + static_cast<std::size_t>(gone) == damaged.state.size());
  CHECK_FALSE(troubles.empty());
  CHECK(troubles.size() <= plan.broken[0].losses.size());
  CHECK(repair(damaged, true).broken.empty());

  // Nothing stands in the way of a collection any longer.
  CollectingObserver observer;
  const auto pruned = prune(*damaged, no_window(), observer);
  CHECK_MESSAGE(pruned, pruned.error().message);

  // And what the source still has comes back with the next backup.
  damaged.back_up();
  damaged.check_restores();
}

TEST_CASE("without being asked the broken snapshot is not forgotten, nor repaired twice") {
  Damaged damaged;
  lose(damaged, damaged.names("data/").front());
  const auto first = repair(damaged, false);
  REQUIRE(first.broken.size() == 1);
  CHECK(list_snapshots(*damaged)->snapshots.size() == 2);
  const auto second = repair(damaged, false);
  REQUIRE(second.broken.size() == 1);
  CHECK(second.broken[0].repaired == first.broken[0].repaired);
  CHECK(list_snapshots(*damaged)->snapshots.size() == 2);
  CHECK(repair(damaged, true).broken[0].is_forgotten);
  CHECK(list_snapshots(*damaged)->snapshots.size() == 1);
  damaged.check_is_clean();
}

TEST_CASE("a repaired snapshot that has been broken since stands in for nothing") {
  Damaged damaged;
  const auto packs = damaged.names("data/");
  const auto trees = damaged.names("tree/");
  lose(damaged, packs.front());
  const auto first = repair(damaged, false);
  REQUIRE(first.broken.size() == 1);
  const SnapshotId repaired = *first.broken[0].repaired;
  // All trees that the repair has written.
  for (const std::string& tree : damaged.names("tree/")) {
    if (std::ranges::find(trees, tree) == trees.end()) damaged.remove(tree);
  }
  REQUIRE(repair_index(*damaged, true));
  RepairSnapshotsOptions options;
  options.snapshots = {first.broken[0].id.hex()};
  options.forget = options.carry_out = true;
  const auto second = repair_snapshots(*damaged, options);
  REQUIRE(second);
  REQUIRE(second->broken.size() == 1);
  REQUIRE(second->broken[0].repaired);
  CHECK(second->broken[0].repaired != repaired);
  // The new one has the same trees, which makes the other whole again.
  damaged.check_is_clean();
}

TEST_CASE("a folder that is lost stays as an empty one that says so") {
  Damaged damaged;
  const std::string first = damaged.names("tree/").front();
  write_file(damaged.client / "b", "new");
  damaged.client.let_settle();
  damaged.back_up();
  // Only `folder` is still as it was.
  lose(damaged, first);
  const auto done = repair(damaged, true);
  // Of the first snapshot nothing is left.
  REQUIRE(done.broken.size() == 2);
  CHECK(done.broken[0].is_lost);
  CHECK(done.broken[0].is_forgotten);
  REQUIRE(done.broken[1].repaired);
  REQUIRE_FALSE(done.broken[1].losses.empty());
  std::vector<std::string> troubles;
  auto state = restored(damaged, *done.broken[1].repaired, troubles);
  const auto lost = std::ranges::count_if(
      damaged.state, [&](const auto& each) { return !state.contains(each.first); });
  CHECK(lost == 2);  // folder/c; and a, whose list of chunks lay there
  CHECK(
      std::ranges::any_of(state, [](const auto& each) { return each.first.ends_with("folder"); }));
  damaged.check_is_clean();
}

TEST_CASE("while a pack is known to be damaged nothing in it is called lost") {
  Damaged damaged;
  damaged.flip(damaged.names("data/").front(), 200);
  CHECK(damaged.check_all().errors > 0);
  const auto result = repair_snapshots(*damaged, {});
  REQUIRE_FALSE(result);
  CHECK(result.error().message.find("repair packs") != std::string::npos);
}

TEST_CASE("a repair of snapshots that is stopped at any write leaves all as good as it was") {
  Damaged damaged;
  lose(damaged, damaged.names("data/").front());
  bool is_done = false;
  for (int stop = 0; !is_done; ++stop) {
    REQUIRE(stop < 50);
    int writes = 0;
    damaged.storage().before = [&](const std::string& call) -> Result<void> {
      if (call.starts_with("put ") && writes++ >= stop) return fail(ErrorCode::io, "killed");
      return {};
    };
    RepairSnapshotsOptions options;
    options.forget = options.carry_out = true;
    is_done = repair_snapshots(*damaged, options).has_value();
    damaged.storage().before = nullptr;
    CHECK_FALSE(list_snapshots(*damaged)->snapshots.empty());
  }
  CHECK(list_snapshots(*damaged)->snapshots.size() == 1);
  damaged.check_is_clean();
}

}  // namespace
}  // namespace lagan
