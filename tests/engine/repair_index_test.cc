// SPDX-License-Identifier: Apache-2.0
#include "src/engine/repair_index.h"

#include <doctest/doctest.h>

#include "src/engine/check.h"
#include "src/engine/prune.h"
#include "tests/engine/engine_samples.h"

namespace lagan {
namespace {

struct Damaged {
  TestClient client;
  SnapshotId snapshot;

  Damaged() {
    write_file(client / "a", as_text(random_content(5'000'000, 1).span()));
    write_file(client / "b", "text");
    client.let_settle();
    snapshot = *client.back_up_well().result.snapshot;
  }
  std::vector<std::string> names(const std::string& folder) {
    return client.repository.names(folder);
  }
  void remove(const std::string& name) {
    REQUIRE(client.repository.storage->remove(*ObjectName::parse(name)));
  }
  // One bit of the object is another from now on, as everybody sees it.
  void flip(const std::string& name) {
    Storage& storage = client.repository.storage->inner();
    auto bytes = storage.get(*ObjectName::parse(name));
    REQUIRE(bytes);
    bytes->data()[bytes->size() / 2] ^= std::byte{4};
    REQUIRE(storage.remove(*ObjectName::parse(name)));
    REQUIRE(storage.put(*ObjectName::parse(name), bytes->span()));
  }
  RepairIndexPlan repair() {
    const auto looked = repair_index(*client.repository, false);
    REQUIRE_MESSAGE(looked, looked.error().message);
    const auto done = repair_index(*client.repository, true);
    REQUIRE_MESSAGE(done, done.error().message);
    CHECK(looked->add == done->add);
    CHECK(looked->remove == done->remove);
    CHECK(looked->replace == done->replace);
    return *done;
  }
  std::uint64_t errors_of_check() {
    CollectingObserver observer;
    const auto checked = check(*client.repository, CheckOptions(), observer, [](const Finding&) {});
    REQUIRE_MESSAGE(checked, checked.error().message);
    return checked->errors;
  }
  void check_restores() {
    const std::string target = client.work("back");
    const Restored restored = client.restore_source(snapshot, target);
    CHECK_MESSAGE(restored.troubles.empty(), restored.troubles.front());
    CHECK(difference(describe_tree(client.source()), describe_tree(target)) == "");
    remove_tree(target);
  }
};

TEST_CASE("a sound index needs no repair, and gets none") {
  Damaged damaged;
  damaged.client.repository.storage->forget_calls();
  const RepairIndexPlan plan = damaged.repair();
  CHECK(plan.is_empty());
  CHECK(damaged.client.repository.storage->calls("put").empty());
}

TEST_CASE("an index that is lost is made again from the packs alone") {
  Damaged damaged;
  for (const std::string& name : damaged.names("index/")) damaged.remove(name);
  CHECK(damaged.errors_of_check() > 0);
  const RepairIndexPlan plan = damaged.repair();
  CHECK(plan.add.size() == damaged.names("data/").size() + damaged.names("tree/").size());
  CHECK(damaged.errors_of_check() == 0);
  damaged.check_restores();
  CHECK(damaged.repair().is_empty());
}

TEST_CASE("segments that cannot be read are replaced once all packs are listed by others") {
  Damaged damaged;
  for (const std::string& name : damaged.names("index/")) damaged.flip(name);
  const auto broken = damaged.names("index/");
  const RepairIndexPlan plan = damaged.repair();
  CHECK(plan.replace == broken);
  CHECK(damaged.errors_of_check() == 0);
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
  const RepairIndexPlan plan = damaged.repair();
  REQUIRE(plan.remove.size() == 1);
  CHECK(packs.front().ends_with(plan.remove.front()));
  damaged.snapshot = *damaged.client.back_up_well().result.snapshot;
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
  const RepairIndexPlan plan = damaged.repair();
  CHECK(plan.unreadable == std::vector<std::string>{pack});
  CHECK(plan.replace.empty());
  CHECK(storage.stat(*ObjectName::parse(pack)));
}

}  // namespace
}  // namespace lagan
