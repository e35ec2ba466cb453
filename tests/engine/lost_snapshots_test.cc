// SPDX-License-Identifier: Apache-2.0
#include "src/engine/lost_snapshots.h"

#include <doctest/doctest.h>

#include "src/engine/forget.h"
#include "src/engine/prune.h"
#include "src/engine/recover.h"
#include "tests/engine/engine_samples.h"

namespace lagan {
namespace {

constexpr Nanoseconds kDay = Nanoseconds{86'400} * 1'000'000'000;

PruneOptions at_once() {
  PruneOptions options;
  options.undelete_window = 0;
  options.limits.unused_share = 0;
  return options;
}

Result<PruneResult> try_prune(const Repository& repository, const PruneOptions& options) {
  CollectingObserver observer;
  return prune(repository, options, observer);
}

struct Saved {
  TestClient client;
  SnapshotId snapshot;
  std::map<std::string, std::string> state;
  Bytes object;  // the snapshot's

  Saved() {
    write_file(client / "file", as_text(random_content(300'000, 1).span()));
    client.let_settle();
    snapshot = *client.back_up_well().result.snapshot;
    state = describe_tree(client.source());
    object = *client.repository.storage->get(names::snapshot(snapshot));
  }
  void lose() { REQUIRE(client.repository.storage->inner().remove(names::snapshot(snapshot))); }
  void come_back() { REQUIRE(client.repository.storage->put(names::snapshot(snapshot), object)); }
  void check_whole(const SnapshotId& id) {
    const Restored restored = client.restore_source(id, client.work("back"));
    CHECK(restored.troubles.empty());
    CHECK(difference(state, describe_tree(client.work("back"))) == "");
  }
};

TEST_CASE("nothing is deleted while a snapshot is neither there nor forgotten") {
  Saved saved;
  TestRepository& repository = saved.client.repository;
  saved.lose();
  const TemporaryFolder folder;
  std::unique_ptr<Repository> other;
  const Repository* client = &*repository;
  SUBCASE("that this client has seen") {}
  SUBCASE("whose record is in the index, to a client that has seen nothing") {
    // Its session is over and cleared away.
    REQUIRE(repository.storage->remove(names::session(saved.snapshot)));
    OpenOptions options;
    options.cache_folder = folder / "cache";
    auto opened = repository.open_again(options);
    REQUIRE(opened);
    other = *std::move(opened);
    client = &*other;
  }
  const auto before = repository.names("");
  const auto pruned = try_prune(*client, at_once());
  REQUIRE_FALSE(pruned);
  CHECK(pruned.error().message.find("lagan recover") != std::string::npos);
  CHECK(repository.names("data/").size() + repository.names("tree/").size() > 0);

  RecoverOptions with;
  with.carry_out = true;
  const auto recovered = recover(*client, with);
  REQUIRE_MESSAGE(recovered, recovered.error().message);
  REQUIRE(recovered->snapshots.size() == 1);
  CHECK(try_prune(*client, at_once()));
  saved.check_whole(*recovered->snapshots[0].put_as);
}

TEST_CASE("a lost snapshot may be given up") {
  Saved saved;
  saved.lose();
  const Repository& repository = *saved.client.repository;
  REQUIRE(forget(repository, {saved.snapshot}, "given up"));
  PruneOptions options = at_once();
  options.fence_after = 0;  // its session is still registered
  for (int run = 0; run < 4; ++run) CHECK(try_prune(repository, options));
  CHECK(saved.client.repository.names("data/").empty());
}

TEST_CASE("what a closed session had all but put is kept for the window of forgotten snapshots") {
  Saved saved;
  TestRepository& repository = saved.client.repository;
  saved.lose();
  const Mark mark{saved.snapshot, repository->now(), "collector", "lagan", false};
  REQUIRE(repository->put_body(ObjectKind::fence, names::fence(saved.snapshot), encode(mark)));
  const auto unseen = repository.open_again();  // by a client that keeps nothing
  REQUIRE(unseen);
  PruneOptions options = at_once();
  options.undelete_window = kDay;
  for (int run = 0; run < 3; ++run) {
    const auto pruned = try_prune(**unseen, options);
    REQUIRE_MESSAGE(pruned, pruned.error().message);
    REQUIRE(pruned->warnings.size() == 1);
    CHECK(pruned->warnings[0].find("lagan recover") != std::string::npos);
  }
  saved.come_back();
  saved.check_whole(saved.snapshot);
}

TEST_CASE("a snapshot that comes back takes its chunks out of packs that were dropped") {
  Saved saved;
  TestRepository& repository = saved.client.repository;
  saved.lose();
  const Mark mark{saved.snapshot, 0, "collector", "lagan", false};
  REQUIRE(repository->put_body(ObjectKind::fence, names::fence(saved.snapshot), encode(mark)));
  const auto unseen = repository.open_again();
  REQUIRE(unseen);
  const auto dropped = try_prune(**unseen, at_once());
  REQUIRE_MESSAGE(dropped, dropped.error().message);
  REQUIRE(dropped->packs_dropped > 0);
  saved.come_back();
  const auto first = try_prune(**unseen, at_once());
  REQUIRE_MESSAGE(first, first.error().message);
  CHECK(first->packs_deleted == 0);
  CHECK(first->chunks_rescued > 0);
  std::uint64_t deleted = 0;
  for (int run = 0; run < 3; ++run) {
    const auto later = try_prune(**unseen, at_once());
    REQUIRE_MESSAGE(later, later.error().message);
    deleted += later->packs_deleted;
  }
  CHECK(deleted == dropped->packs_dropped);
  saved.check_whole(saved.snapshot);
}

}  // namespace
}  // namespace lagan
