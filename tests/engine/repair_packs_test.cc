// SPDX-License-Identifier: Apache-2.0
#include "src/engine/repair_packs.h"

#include <doctest/doctest.h>

#include "repo/damaged_packs.h"
#include "repo/index_loader.h"
#include "repo/place_memory.h"
#include "src/engine/prune.h"
#include "src/engine/repair_index.h"
#include "tests/engine/damage_samples.h"

namespace lagan {
namespace {

constexpr std::size_t kInFirstBlock = 200;
constexpr std::size_t kInHeader = 40;

Result<RepairPacksResult> try_repair(Damaged& damaged, bool carry_out,
                                     const std::vector<std::string>& packs = {}) {
  CollectingObserver observer;
  RepairPacksOptions options;
  options.packs = packs;
  options.carry_out = carry_out;
  return repair_packs(*damaged, options, observer);
}
RepairPacksResult repair(Damaged& damaged, bool carry_out = true,
                         const std::vector<std::string>& packs = {}) {
  auto result = try_repair(damaged, carry_out, packs);
  REQUIRE_MESSAGE(result, result.error().message);
  return *std::move(result);
}

PruneOptions at_once() {
  PruneOptions options;
  options.undelete_window = 0;
  options.limits.unused_share = 0;
  return options;
}
Result<PruneResult> try_prune(Damaged& damaged) {
  CollectingObserver observer;
  return prune(*damaged, at_once(), observer);
}

TEST_CASE("of a damaged pack the good blocks are stored again, and a backup brings the rest back") {
  Damaged damaged;
  std::string pack;
  SUBCASE("data") { pack = damaged.largest("data/"); }
  SUBCASE("trees") { pack = damaged.largest("tree/"); }
  damaged.flip(pack, kInFirstBlock);
  CHECK(damaged.check_all().errors > 0);

  // Nothing may rest on it, nothing may be deleted.
  const auto refused = try_prune(damaged);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("repair packs") != std::string::npos);

  damaged.storage().forget_calls();
  const RepairPacksResult plan = repair(damaged, false);
  CHECK(damaged.storage().calls("put").empty());
  REQUIRE(plan.damaged.size() == 1);
  CHECK(plan.damaged[0].name == pack);
  CHECK(plan.damaged[0].bad_chunks > 0);
  CHECK(plan.damaged[0].good_chunks > 0);
  CHECK(plan.lost_chunks == plan.damaged[0].bad_chunks);
  CHECK_FALSE(plan.affected.empty());

  const RepairPacksResult done = repair(damaged);
  CHECK(done.chunks_stored == plan.damaged[0].good_chunks);
  CHECK(damaged.has(pack));
  const auto after = damaged.check_all();
  CHECK(after.errors > 0);
  CHECK(after.text.find(pack) == std::string::npos);

  damaged.back_up();
  damaged.check_restores();
  damaged.check_is_clean();
  CHECK(repair(damaged).damaged.empty());
  const auto index = repair_index(*damaged, true);
  REQUIRE(index);
  CHECK(index->add.empty());
  // It goes the way of all that is not needed.
  for (int i = 0; i < 3; ++i) {
    const auto pruned = try_prune(damaged);
    CHECK_MESSAGE(pruned, pruned.error().message);
  }
  CHECK_FALSE(damaged.has(pack));
  damaged.check_restores();
}

TEST_CASE("what a check found damaged is stored again by the next backup of the same source") {
  Damaged damaged;
  std::string pack;
  SUBCASE("data") { pack = damaged.largest("data/"); }
  SUBCASE("trees") { pack = damaged.largest("tree/"); }
  damaged.flip(pack, kInFirstBlock);
  const SnapshotId before = damaged.snapshot;

  // Without the check nobody knows. A few nodes change each time, for the folders above do.
  constexpr std::uint64_t kFewNodes = 3000;
  CHECK(damaged.client.back_up_well().result.summary.data_stored < kFewNodes);
  CHECK(damaged.check_all().errors > 0);
  const auto healing = damaged.client.back_up_well();
  CHECK(healing.result.summary.data_stored > kFewNodes);
  if (pack.starts_with("data")) CHECK_FALSE(healing.notes.empty());
  damaged.snapshot = before;
  damaged.check_restores();
  // Once is enough.
  CHECK(damaged.client.back_up_well().result.summary.data_stored < kFewNodes);

  const auto left = damaged.check_all();
  CHECK(left.errors == 1);
  CHECK(left.text.find(pack) != std::string::npos);
  const RepairPacksResult done = repair(damaged);
  CHECK(done.damaged.size() == 1);
  CHECK(done.lost_chunks == 0);
  damaged.check_is_clean();
  damaged.check_restores();
}

TEST_CASE("a pack whose header, directory or padding is damaged loses nothing") {
  Damaged damaged;
  const std::string pack = damaged.largest("data/");
  std::size_t at = 0;
  SUBCASE("first header") { at = kInHeader; }
  SUBCASE("trailer") { at = damaged.client.repository.size_of(pack) - 120; }
  SUBCASE("directory") { at = damaged.client.repository.size_of(pack) - 160; }
  SUBCASE("second header") { at = damaged.client.repository.size_of(pack) - 20; }
  damaged.flip(pack, at);
  const RepairPacksResult done = repair(damaged, true, {pack});
  REQUIRE(done.damaged.size() == 1);
  CHECK(done.damaged[0].bad_chunks == 0);
  CHECK(done.lost_chunks == 0);
  CHECK(done.chunks_stored > 0);
  damaged.check_is_clean();
  damaged.check_restores();
}

TEST_CASE("a pack that was cut short is found by the listing alone") {
  Damaged damaged;
  const std::string pack = damaged.largest("data/");
  const ObjectName name = *ObjectName::parse(pack);
  const Bytes bytes = damaged.storage().get(name).value();
  damaged.client.repository.overwrite(pack, bytes.span().first(bytes.size() - 100'000));
  const RepairPacksResult done = repair(damaged);
  REQUIRE(done.damaged.size() == 1);
  CHECK(done.damaged[0].name == pack);
  CHECK(done.chunks_stored > 0);
  damaged.back_up();
  damaged.check_is_clean();
  damaged.check_restores();
}

TEST_CASE("a pack that the storage refuses to read is kept, for it may be whole") {
  Damaged damaged;
  const std::string pack = damaged.largest("data/");
  damaged.storage().before = [&](const std::string& call) -> Result<void> {
    if (call != "get " + pack) return {};
    return fail(ErrorCode::io, "input/output error");
  };
  const auto found = repair(damaged, true, {pack});
  REQUIRE(found.damaged.size() == 1);
  CHECK(found.damaged[0].is_kept);
  CHECK(found.damaged[0].bad_chunks > 0);
  // Nothing is deleted while it cannot be read, and all is well once it can.
  CHECK_FALSE(try_prune(damaged));
  damaged.storage().before = nullptr;
  CHECK(damaged.names("condemned/").empty());
  damaged.check_is_clean();
  damaged.check_restores();

  SUBCASE("unless it is given up") {
    damaged.storage().before = [&](const std::string& call) -> Result<void> {
      if (call != "get " + pack) return {};
      return fail(ErrorCode::io, "input/output error");
    };
    CollectingObserver observer;
    RepairPacksOptions options;
    options.packs = {pack};
    options.carry_out = options.give_up_unreadable = true;
    const auto given_up = repair_packs(*damaged, options, observer);
    damaged.storage().before = nullptr;
    REQUIRE(given_up);
    CHECK_FALSE(given_up->damaged[0].is_kept);
    CHECK(damaged.names("condemned/").size() == 1);
    CHECK(damaged.check_all().errors > 0);
  }
}

TEST_CASE("a pack of which less can be read the second time is not given up") {
  Damaged damaged;
  const std::string pack = damaged.largest("data/");
  damaged.flip(pack, kInFirstBlock);
  // The plan reads it twice; the third time, to store again what is good, the disk has got worse.
  int looks = 0;
  damaged.storage().tamper = [&](const std::string& name, Bytes& bytes) {
    if (name != pack) return;
    if (bytes.size() == damaged.client.repository.size_of(pack)) ++looks;
    if (looks > 2) std::ranges::fill(bytes.span(), std::byte{0});
  };
  const auto refused = try_repair(damaged, true, {pack});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("nothing was given up") != std::string::npos);
  CHECK(damaged.names("condemned/").empty());
}

TEST_CASE("a whole pack is left alone") {
  Damaged damaged;
  CHECK(repair(damaged).packs_read == 0);
  damaged.storage().forget_calls();
  const auto looked = repair(damaged, false, damaged.names("data/"));
  CHECK(looked.packs_read == damaged.names("data/").size());
  CHECK(looked.damaged.empty());
  CHECK(damaged.storage().calls("put").empty());
  CHECK_FALSE(try_repair(damaged, false, {"data/12/120123456789abcdef"}));
}

TEST_CASE("what nothing tells how to read is set aside, and nobody deletes it") {
  Damaged damaged;
  const std::string whole = damaged.largest("data/");
  const Bytes bytes = damaged.storage().get(*ObjectName::parse(whole)).value();
  const ObjectName torn = names::pack(ObjectKind::data_pack, samples::id<PackId>(7));
  REQUIRE(damaged.storage().put(torn, bytes.span().first(bytes.size() / 2)));

  const auto before = damaged.objects();
  const auto refused = try_prune(damaged);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find(torn.text()) != std::string::npos);
  CHECK(refused.error().message.find("repair packs") != std::string::npos);
  CHECK(damaged.objects() == before);

  const RepairPacksResult done = repair(damaged);
  REQUIRE(done.damaged.size() == 1);
  CHECK_FALSE(done.damaged[0].is_readable);
  for (int i = 0; i < 3; ++i) {
    const auto pruned = try_prune(damaged);
    CHECK_MESSAGE(pruned, pruned.error().message);
  }
  CHECK(damaged.has(torn.text()));
  damaged.check_restores();
  damaged.check_is_clean();
  CHECK(repair(damaged).damaged.empty());
}

TEST_CASE("a repair that is stopped at any write loses nothing, and the next one completes it") {
  Damaged damaged;
  const std::string pack = damaged.largest("data/");
  damaged.flip(pack, damaged.client.repository.size_of(pack) - 120);
  bool is_done = false;
  for (int stop = 0; !is_done; ++stop) {
    REQUIRE(stop < 50);
    int writes = 0;
    damaged.storage().before = [&](const std::string& call) -> Result<void> {
      const bool is_write = call.starts_with("put ") || call.starts_with("remove ");
      if (is_write && writes++ >= stop) return fail(ErrorCode::io, "killed");
      return {};
    };
    is_done = try_repair(damaged, true, {pack}).has_value();
    damaged.storage().before = nullptr;
    INFO("stopped at write " << stop);
    damaged.check_restores();
  }
  damaged.check_is_clean();
  for (int i = 0; i < 3; ++i) {
    PruneOptions options = at_once();
    options.fence_after = 0;
    CollectingObserver observer;
    const auto pruned = prune(*damaged, options, observer);
    CHECK_MESSAGE(pruned, pruned.error().message);
  }
  CHECK_FALSE(damaged.has(pack));
  damaged.check_restores();
}

TEST_CASE("a good copy that is put back after a repair can be used again") {
  Damaged damaged;
  const std::string pack = damaged.largest("data/");
  const Bytes good = damaged.storage().get(*ObjectName::parse(pack)).value();
  damaged.flip(pack, kInFirstBlock);
  CHECK(repair(damaged, true, {pack}).lost_chunks > 0);
  damaged.client.repository.overwrite(pack, good);
  CHECK(repair(damaged, true, {pack}).chunks_stored > 0);
  damaged.check_is_clean();
  damaged.check_restores();
}

TEST_CASE("the memory of damaged packs is one repository's and proves itself") {
  Damaged damaged;
  const PackId one = samples::id<PackId>(1), two = samples::id<PackId>(2);
  CHECK(known_damaged_packs(*damaged).empty());
  remember_damaged_packs(*damaged, {one, two}, {});
  CHECK(known_damaged_packs(*damaged) == std::unordered_set{one, two});
  remember_damaged_packs(*damaged, {}, {two});
  CHECK(known_damaged_packs(*damaged) == std::unordered_set{one});
  const std::string path = place_file(*damaged, "damaged-packs");
  auto content = read_file(path, 1000);
  REQUIRE(content);
  content->span()[20] ^= std::byte{1};
  REQUIRE(replace_file(path, *content));
  CHECK(known_damaged_packs(*damaged).empty());
}

}  // namespace
}  // namespace lagan
