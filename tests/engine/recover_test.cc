// SPDX-License-Identifier: Apache-2.0
#include "src/engine/recover.h"

#include <doctest/doctest.h>

#include "repo/session.h"
#include "src/engine/forget.h"
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

using Fate = RecoveredSnapshot::Fate;

RecoverResult recover_well(Damaged& damaged, bool carry_out = true,
                           const std::vector<std::string>& wanted = {}) {
  RecoverOptions options;
  options.carry_out = carry_out;
  options.snapshots = wanted;
  auto result = recover(*damaged, options);
  REQUIRE_MESSAGE(result, result.error().message);
  return *std::move(result);
}

TEST_CASE("where nothing is lost nothing is recovered") {
  Damaged damaged;
  damaged.storage().forget_calls();
  const auto result = recover_well(damaged);
  CHECK(result.snapshots.empty());
  CHECK(result.folders == 0);
  CHECK(damaged.storage().calls("put").empty());
}

TEST_CASE("a snapshot that is gone or cannot be read comes back from its root record") {
  Damaged damaged;
  const SnapshotId lost = damaged.snapshot;
  const std::string name = names::snapshot(lost).text();
  bool is_there = false;
  SUBCASE("gone") { damaged.remove(name); }
  SUBCASE("damaged") {
    damaged.flip(name);
    is_there = true;
  }
  SUBCASE("and the index too") {
    damaged.remove(name);
    for (const std::string& segment : damaged.names("index/")) damaged.remove(segment);
    REQUIRE(repair_index(*damaged, true));
  }
  CHECK(damaged.check_all().errors > 0);

  damaged.storage().forget_calls();
  const auto plan = recover_well(damaged, false);
  CHECK(damaged.storage().calls("put").empty());
  REQUIRE(plan.snapshots.size() == 1);
  CHECK(plan.snapshots[0].id == lost);
  CHECK(plan.snapshots[0].fate == Fate::lost);
  CHECK(plan.snapshots[0].losses.empty());
  CHECK(plan.folders == 0);

  const auto done = recover_well(damaged);
  REQUIRE(done.snapshots[0].put_as);
  damaged.snapshot = *done.snapshots[0].put_as;
  CHECK(damaged.client.load(damaged.snapshot).original == lost);
  damaged.check_restores();
  CHECK(recover_well(damaged).snapshots.empty());
  if (!is_there) damaged.check_is_clean();

  // What cannot be read of it goes when its time has come.
  CollectingObserver observer;
  const auto pruned = prune(*damaged, no_window(), observer);
  CHECK_MESSAGE(pruned, pruned.error().message);
  CHECK_FALSE(damaged.has(name));
  damaged.check_is_clean();
  damaged.check_restores();
}

TEST_CASE("what was forgotten is offered and comes back when it is named") {
  Damaged damaged;
  const SnapshotId gone = damaged.snapshot;
  REQUIRE(forget(*damaged, {gone}, "test"));
  damaged.remove(names::snapshot(gone).text());
  const auto offered = recover_well(damaged);
  REQUIRE(offered.snapshots.size() == 1);
  CHECK(offered.snapshots[0].fate == Fate::forgotten);
  CHECK_FALSE(offered.snapshots[0].put_as);
  CHECK(list_snapshots(*damaged)->snapshots.empty());
  const auto done = recover_well(damaged, true, {gone.short_hex()});
  REQUIRE(done.snapshots[0].put_as);
  damaged.snapshot = *done.snapshots[0].put_as;
  damaged.check_restores();
  CHECK_FALSE(recover(*damaged, {.snapshots = {"1234"}}));
}

TEST_CASE("a backup that failed before its snapshot is offered, one at work is left alone") {
  Damaged damaged;
  bool is_at_work = false;
  SUBCASE("failed") {}
  SUBCASE("at work") { is_at_work = true; }
  write_file(damaged.client / "new", "something");
  damaged.client.let_settle();
  damaged.storage().before = [&](const std::string& call) -> Result<void> {
    if (call.starts_with("put snapshots/") || (is_at_work && call.starts_with("put fences/")))
      return fail(ErrorCode::io, "killed");
    return {};
  };
  CollectingObserver observer;
  CHECK_FALSE(damaged.client.try_back_up(damaged.client.options(), observer));
  damaged.storage().before = nullptr;
  const auto result = recover_well(damaged);
  CHECK(result.folders == 0);
  CHECK(result.snapshots.size() == (is_at_work ? 0 : 1));
  if (!is_at_work) CHECK(result.snapshots[0].fate == Fate::unfinished);
  CHECK(list_snapshots(*damaged)->snapshots.size() == 1);
}

TEST_CASE("folders that nothing names are put into a snapshot, those of a running backup are not") {
  Damaged damaged;
  LocalIndex index = damaged.client.repository.empty_index();
  auto session = WriterSession::begin(*damaged, index, Purpose::backup, "attic").value();
  ChunkWriter writer(*damaged, index, session->id(), small_packs());
  Entry file;
  file.name = "file";
  file.mode = 0644;
  file.size = 5;
  file.inline_content = "hello";
  DirectoryBuilder inner(PrfKey(), writer.tree_sink());
  REQUIRE(inner.add(file.name, encode(file)));
  Entry folder;
  folder.name = "inner";
  folder.kind = EntryKind::directory;
  folder.mode = 0755;
  folder.subtree = {inner.finish().value(), 1, 0, 5};
  DirectoryBuilder outer(PrfKey(), writer.tree_sink());
  REQUIRE(outer.add(folder.name, encode(folder)));
  const ChunkId top = *outer.finish().value();
  REQUIRE(writer.flush());

  CHECK(recover_well(damaged).folders == 0);
  REQUIRE(session->abandon());
  CHECK(recover_well(damaged, false).folders == 1);
  const auto done = recover_well(damaged);
  REQUIRE(done.folders_put_as);
  const Snapshot snapshot = damaged.client.load(*done.folders_put_as);
  CHECK(snapshot.tags == std::vector<std::string>{"recovered"});
  const std::string target = damaged.client.work("back");
  RestoreOptions with;
  with.target = target;
  const Restored restored = damaged.client.restore_with(*done.folders_put_as, with);
  CHECK_MESSAGE(restored.troubles.empty(), restored.troubles.front());
  const auto content = read_file(target + "/recovered/" + top.hex() + "/inner/file", 100);
  REQUIRE(content);
  CHECK(as_text(*content) == "hello");
  remove_tree(target);
  CHECK(recover_well(damaged).folders == 0);
  damaged.check_is_clean();
}

}  // namespace
}  // namespace lagan
