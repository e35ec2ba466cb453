// SPDX-License-Identifier: Apache-2.0
#include "src/engine/repair_index.h"

#include <doctest/doctest.h>

#include "src/engine/prune.h"
#include "tests/engine/damage_samples.h"

namespace lagan {
namespace {

RepairIndexPlan repair(Damaged& damaged) {
  const auto looked = repair_index(*damaged, false);
  REQUIRE_MESSAGE(looked, looked.error().message);
  const auto done = repair_index(*damaged, true);
  REQUIRE_MESSAGE(done, done.error().message);
  CHECK(looked->add == done->add);
  CHECK(looked->remove == done->remove);
  CHECK(looked->replace == done->replace);
  return *done;
}

std::uint64_t errors_of_check(Damaged& damaged) { return damaged.check_all(false).errors; }

TEST_CASE("a sound index needs no repair, and gets none") {
  Damaged damaged;
  damaged.client.repository.storage->forget_calls();
  const RepairIndexPlan plan = repair(damaged);
  CHECK(plan.is_empty());
  CHECK(damaged.client.repository.storage->calls("put").empty());
}

TEST_CASE("an index that is lost is made again from the packs alone") {
  Damaged damaged;
  for (const std::string& name : damaged.names("index/")) damaged.remove(name);
  CHECK(errors_of_check(damaged) > 0);
  const RepairIndexPlan plan = repair(damaged);
  CHECK(plan.add.size() == damaged.names("data/").size() + damaged.names("tree/").size());
  CHECK(errors_of_check(damaged) == 0);
  damaged.check_restores();
  CHECK(repair(damaged).is_empty());
}

TEST_CASE("segments that cannot be read are replaced once all packs are listed by others") {
  Damaged damaged;
  for (const std::string& name : damaged.names("index/")) damaged.flip(name);
  const auto broken = damaged.names("index/");
  const RepairIndexPlan plan = repair(damaged);
  CHECK(plan.replace == broken);
  CHECK(errors_of_check(damaged) == 0);
  damaged.check_restores();
  // A collection is no longer stopped by them.
  CollectingObserver observer;
  CHECK(prune(*damaged.client.repository, PruneOptions(), observer));
  CHECK(prune(*damaged.client.repository, PruneOptions(), observer));
  damaged.check_restores();
}

TEST_CASE("packs that are gone are no longer listed, and the next backup stores them again") {
  Damaged damaged;
  const auto packs = damaged.names("data/");
  damaged.remove(packs.front());
  const RepairIndexPlan plan = repair(damaged);
  REQUIRE(plan.remove.size() == 1);
  CHECK(packs.front().ends_with(plan.remove.front()));
  damaged.back_up();
  damaged.check_restores();
}

TEST_CASE("a pack that cannot be read is told and left alone, and so is an unreadable segment") {
  Damaged damaged;
  const std::string pack = damaged.names("data/").front();
  for (const std::string& name : damaged.names("index/")) damaged.flip(name);
  Storage& storage = damaged.client.repository.storage->inner();
  auto bytes = storage.get(*ObjectName::parse(pack));
  REQUIRE(bytes);
  REQUIRE(storage.remove(*ObjectName::parse(pack)));
  REQUIRE(storage.put(*ObjectName::parse(pack), bytes->span().first(bytes->size() / 2)));
  const RepairIndexPlan plan = repair(damaged);
  CHECK(plan.unreadable == std::vector<std::string>{pack});
  CHECK(plan.replace.empty());
  CHECK(storage.stat(*ObjectName::parse(pack)));
}

}  // namespace
}  // namespace lagan
