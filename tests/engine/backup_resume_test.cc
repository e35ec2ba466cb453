// SPDX-License-Identifier: Apache-2.0

// Runs that end early, and runs after the repository has lost something.

#include "src/engine/backup.h"

#include <doctest/doctest.h>

#include <atomic>

#include "repo/names.h"
#include "tests/engine/engine_samples.h"

namespace lagan {
namespace {

// Takes all packs of this kind and every segment away, and lists what is left anew.
void lose_packs(const TestClient& client, const std::string& kind) {
  std::vector<Segment> segments;
  for (const std::string& name : client.repository.names("index/")) {
    const auto id = names::id_of<SegmentId>(*ObjectName::parse(name));
    auto segment = fetch_segment(*client.repository, *id);
    REQUIRE(segment);
    std::erase_if(segment->packs, [&](const PackEntry& pack) {
      return names::pack(pack.kind, pack.name).text().starts_with(kind);
    });
    segments.push_back(*std::move(segment));
    REQUIRE(client.repository.storage->remove(*ObjectName::parse(name)));
  }
  for (const Segment& segment : segments) {
    const SealedObject object =
        seal_body(client.repository->sealing(), ObjectKind::index_segment, "", encode(segment));
    REQUIRE(client.repository->put(names::segment(SegmentId{hash(object.span())}), object));
  }
  for (const std::string& name : client.repository.names(kind))
    REQUIRE(client.repository.storage->remove(*ObjectName::parse(name)));
}

TEST_CASE("the next backup stores again what the repository has lost") {
  TestClient client;
  make_odd_tree(client.source());
  const auto state = describe_tree(client.source());
  client.let_settle();
  client.back_up_well();
  SUBCASE("data packs") { lose_packs(client, "data/"); }
  SUBCASE("tree packs") { lose_packs(client, "tree/"); }
  SUBCASE("both") {
    lose_packs(client, "data/");
    lose_packs(client, "tree/");
  }
  const BackedUp second = client.back_up_well();
  const Restored restored = client.restore_source(*second.result.snapshot, client.work("back"));
  CHECK_MESSAGE(restored.troubles.empty(), restored.troubles.front());
  CHECK(difference(state, describe_tree(client.work("back"))) == "");
}

TEST_CASE("files are not taken over whose chunks lie in condemned packs") {
  TestClient client;
  make_odd_tree(client.source());
  const auto state = describe_tree(client.source());
  client.let_settle();
  client.back_up_well();
  Condemned log;
  for (const std::string& name : client.repository.names("data/"))
    log.data_packs.push_back(*names::id_of<PackId>(*ObjectName::parse(name)));
  REQUIRE(client.repository->put_signed(
      ObjectKind::condemned, names::random_name(names::kCondemned, client.repository->random_id()),
      encode(log)));
  const BackedUp second = client.back_up_well();
  for (const PackId& pack : log.data_packs)
    REQUIRE(client.repository.storage->remove(names::pack(ObjectKind::data_pack, pack)));
  const Restored restored = client.restore_source(*second.result.snapshot, client.work("back"));
  CHECK_MESSAGE(restored.troubles.empty(), restored.troubles.front());
  CHECK(difference(state, describe_tree(client.work("back"))) == "");
}

TEST_CASE("an interrupted run makes no snapshot, closes its session and is worth its work") {
  TestClient client;
  for (int i = 0; i < 40; ++i)
    write_file(client / std::to_string(i),
               std::string(as_text(random_content(100'000, static_cast<std::uint64_t>(i)).span())));
  std::atomic<int> asked = 0;
  BackupOptions options = client.options();
  options.is_stopped = [&] { return ++asked > 60; };
  CollectingObserver observer;
  const auto stopped = client.try_back_up(options, observer);
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().code == ErrorCode::cancelled);
  CHECK(client.repository.names("snapshots/").empty());
  CHECK(client.repository.names("fences/").size() == 1);
  const BackedUp second = client.back_up_well();
  CHECK(second.result.summary.data_added < 40 * 100'000);
  const auto state = describe_tree(client.source());
  client.restore_source(*second.result.snapshot, client.work("back"));
  CHECK(difference(state, describe_tree(client.work("back"))) == "");
}

TEST_CASE("a repository that fails ends the run with its error and without a snapshot") {
  for (const char* victim : {"put data/", "put tree/", "put index/", "put snapshots/",
                             "put sessions/", "list index/", "list s"}) {
    CAPTURE(victim);
    TestClient client;
    for (int i = 0; i < 20; ++i)
      write_file(
          client / std::to_string(i),
          std::string(as_text(random_content(400'000, static_cast<std::uint64_t>(i)).span())));
    client.repository.storage->before = [&](const std::string& call) -> Result<void> {
      if (call.starts_with(victim)) return fail(ErrorCode::no_space, "the disk is full");
      return {};
    };
    CollectingObserver observer;
    const auto failed = client.try_back_up(client.options(), observer);
    REQUIRE_FALSE(failed);
    CHECK(failed.error().code == ErrorCode::no_space);
    CHECK(client.repository.names("snapshots/").empty());
    client.repository.storage->before = nullptr;
    const BackedUp second = client.back_up_well();
    const Restored restored = client.restore_source(*second.result.snapshot, client.work("back"));
    CHECK(restored.troubles.empty());
  }
}

}  // namespace
}  // namespace lagan
