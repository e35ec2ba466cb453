// SPDX-License-Identifier: Apache-2.0

// Collections that meet damage, or a storage that takes nothing or gives nothing up: they refuse
// before anything is deleted, and say what to repair.

#include <doctest/doctest.h>

#include "src/engine/forget.h"
#include "src/engine/prune.h"
#include "src/engine/repair_index.h"
#include "src/engine/repair_snapshots.h"
#include "tests/engine/damage_samples.h"

namespace lagan {
namespace {

PruneOptions at_once() {
  PruneOptions options;
  options.undelete_window = 0;
  options.limits.unused_share = 0;
  return options;
}

Result<PruneResult> try_prune(Damaged& damaged, const PruneOptions& options = at_once()) {
  CollectingObserver observer;
  return prune(*damaged, options, observer);
}
void prune_well(Damaged& damaged, int times = 1) {
  for (int i = 0; i < times; ++i) {
    const auto pruned = try_prune(damaged);
    REQUIRE_MESSAGE(pruned, pruned.error().message);
  }
}

// A second snapshot after the first was forgotten: a collection has something to do, and what an
// earlier one dropped waits to be deleted.
struct Forgotten : Damaged {
  SnapshotId first;
  std::set<std::string> packs_of_first;

  Forgotten() {
    first = snapshot;
    const auto packs = names("data/");
    packs_of_first.insert(packs.begin(), packs.end());
    for (const char* name : {"a", "b", "folder/c"}) REQUIRE(::unlink((client / name).c_str()) == 0);
    write_file(client / "d", as_text(random_content(5'000'000, 9).span()));
    client.let_settle();
    back_up();
    REQUIRE(forget(*client.repository, {first}, "test"));
  }
  std::string pack_of_second() {
    for (const std::string& name : names("data/")) {
      if (!packs_of_first.contains(name)) return name;
    }
    FAIL("the second snapshot has no pack of its own");
    return {};
  }
  // Only the probe of the storage's clock comes and goes.
  void check_refuses(const std::string& naming, const std::string& advising) {
    storage().forget_calls();
    const auto refused = try_prune(*this);
    REQUIRE_FALSE(refused);
    INFO(refused.error().message);
    CHECK(refused.error().message.find(naming) != std::string::npos);
    CHECK(refused.error().message.find(advising) != std::string::npos);
    for (const std::string& call : storage().calls("remove"))
      CHECK(call.starts_with("remove sessions/"));
    CHECK(storage().calls("put condemned/").empty());
    CHECK(storage().calls("put index/").empty());
  }
};

std::string id_in(const std::string& name) { return name.substr(name.rfind('/') + 1); }

TEST_CASE("a pack that is missing stops a collection until the index is repaired") {
  Forgotten damaged;
  std::string pack = damaged.pack_of_second();
  enum class Then { needed_again, given_up, not_needed } then = Then::needed_again;
  SUBCASE("needed, and a backup brings it back") {}
  SUBCASE("needed, and a repair makes do without") { then = Then::given_up; }
  SUBCASE("not needed") {
    then = Then::not_needed;
    pack = *damaged.packs_of_first.begin();
  }
  damaged.remove(pack);
  damaged.check_refuses(id_in(pack), "repair index");
  REQUIRE(repair_index(*damaged, true));
  if (then != Then::not_needed)
    damaged.check_refuses(damaged.snapshot.short_hex(), "repair snapshots");
  if (then == Then::needed_again) damaged.back_up();
  if (then == Then::given_up)
    REQUIRE(repair_snapshots(*damaged, {.forget = true, .carry_out = true}));
  prune_well(damaged, 2);
  if (then != Then::given_up) damaged.check_restores();
  damaged.check_is_clean();
}

TEST_CASE("a damaged segment stops a collection until the index is repaired") {
  Forgotten damaged;
  const std::string segment = damaged.names("index/").front();
  damaged.flip(segment);
  damaged.check_refuses(segment, "repair index");
  REQUIRE(repair_index(*damaged, true));
  prune_well(damaged, 2);
  damaged.check_restores();
  damaged.check_is_clean();
}

TEST_CASE("a damaged snapshot stops a collection until it is forgotten and past its window") {
  Forgotten damaged;
  const std::string name = names::snapshot(damaged.snapshot).text();
  damaged.flip(name);
  damaged.check_refuses(name, "forgotten");
  const SnapshotId lost = damaged.snapshot;
  damaged.back_up();
  REQUIRE(forget(*damaged, {lost}, "test"));
  PruneOptions in_window = at_once();
  in_window.undelete_window = Nanoseconds{3600} * 1'000'000'000;
  CHECK_FALSE(try_prune(damaged, in_window));
  prune_well(damaged, 2);
  CHECK_FALSE(damaged.has(name));
  damaged.check_restores();
  damaged.check_is_clean();
}

TEST_CASE("what was forgotten, and what is condemned, must be readable or gone") {
  Forgotten damaged;
  std::string name;
  SUBCASE("forgotten") { name = damaged.names("forgotten/").front(); }
  SUBCASE("condemned") {
    prune_well(damaged);
    name = damaged.names("condemned/").front();
  }
  damaged.flip(name);
  damaged.check_refuses(name, "by hand");
  damaged.remove(name);
  prune_well(damaged, 3);
  damaged.check_restores();
}

TEST_CASE("what an earlier collection dropped stays while something is damaged") {
  Forgotten damaged;
  prune_well(damaged);
  const std::string pack = damaged.pack_of_second();
  damaged.flip(pack, 200);
  CHECK(damaged.check_all().errors > 0);
  damaged.check_refuses(pack, "repair packs");
}

TEST_CASE("a root record that is lost stops nobody") {
  Damaged damaged;
  const std::string trees = damaged.names("tree/").front();
  damaged.remove(trees);
  REQUIRE(repair_index(*damaged, true));
  // The same nodes again, with a root record of their own.
  const SnapshotId old = damaged.snapshot;
  damaged.back_up();
  prune_well(damaged, 2);
  damaged.check_is_clean();
  damaged.snapshot = old;
  damaged.check_restores();
}

TEST_CASE("a storage that takes nothing is told of, and nothing changes") {
  Forgotten damaged;
  const auto before = damaged.objects();
  damaged.storage().before = [](const std::string& call) -> Result<void> {
    if (call.starts_with("put ") || call.starts_with("remove "))
      return fail(ErrorCode::permission, "Permission denied");
    return {};
  };
  const auto pruned = try_prune(damaged);
  REQUIRE_FALSE(pruned);
  CHECK(pruned.error().message.find("takes no new objects") != std::string::npos);
  const auto forgotten = forget(*damaged, {damaged.snapshot}, "test");
  REQUIRE_FALSE(forgotten);
  CHECK(forgotten.error().message.find("takes no new objects") != std::string::npos);
  CHECK(damaged.objects() == before);
  damaged.check_restores();
}

TEST_CASE(
    "a storage that gives nothing up takes backups, and a collection says why it does nothing") {
  Forgotten damaged;
  damaged.storage().before = [](const std::string& call) -> Result<void> {
    if (call.starts_with("remove ")) return fail(ErrorCode::permission, "Permission denied");
    return {};
  };
  write_file(damaged.client / "more", as_text(random_content(100'000, 4).span()));
  damaged.client.let_settle();
  damaged.back_up();
  damaged.check_restores();
  auto before = damaged.objects();
  const auto pruned = try_prune(damaged);
  REQUIRE_FALSE(pruned);
  CHECK(pruned.error().message.find("lets nothing be deleted") != std::string::npos);
  // But for the probe.
  auto after = damaged.objects();
  std::erase_if(after, [](const std::string& name) { return name.starts_with("sessions/"); });
  std::erase_if(before, [](const std::string& name) { return name.starts_with("sessions/"); });
  CHECK(after == before);
  // To hide a snapshot takes no deleting.
  CHECK(forget(*damaged, {damaged.snapshot}, "test"));
}

}  // namespace
}  // namespace lagan
