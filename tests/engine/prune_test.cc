// SPDX-License-Identifier: Apache-2.0
#include "src/engine/prune.h"

#include <doctest/doctest.h>

#include <numeric>

#include "repo/index_loader.h"
#include "repo/machine.h"
#include "repo/session.h"
#include "src/engine/check.h"
#include "src/engine/forget.h"
#include "src/engine/open_sessions.h"
#include "tests/engine/engine_samples.h"

namespace lagan {
namespace {

constexpr Nanoseconds kHour = Nanoseconds{3600} * 1'000'000'000;

PruneOptions at_once() {
  PruneOptions options;
  options.undelete_window = 0;
  options.limits.unused_share = 0;
  return options;
}

Result<PruneResult> try_prune(const TestClient& client, const PruneOptions& options = at_once()) {
  CollectingObserver observer;
  return prune(*client.repository, options, observer);
}
PruneResult prune_well(const TestClient& client, const PruneOptions& options = at_once()) {
  const auto result = try_prune(client, options);
  REQUIRE_MESSAGE(result, result.error().message);
  return *result;
}

std::uint64_t stored_bytes(const TestClient& client) {
  std::uint64_t bytes = 0;
  for (const char* folder : {"data/", "tree/"}) {
    REQUIRE(client.repository.storage->inner().list(folder, [&](const ObjectInfo& info) {
      bytes += info.size_bytes;
      return Result<void>();
    }));
  }
  return bytes;
}

// Two snapshots: what the first alone needs is about a third of everything.
struct TwoSnapshots {
  TestClient client;
  SnapshotId first, second;
  std::map<std::string, std::string> state;  // of the source at the second

  TwoSnapshots() {
    write_file(client / "shared", as_text(random_content(6'000'000, 1).span()));
    write_file(client / "old", as_text(random_content(7'000'000, 2).span()));
    // Between those two, so that a pack holds both.
    for (std::uint64_t i = 0; i < 40; ++i) {
      const std::string name = "small-" + std::to_string(i);
      write_file(client / name, as_text(random_content(20'000, 100 + i).span()));
    }
    client.let_settle();
    first = *client.back_up_well().result.snapshot;
    REQUIRE(::unlink((client / "old").c_str()) == 0);
    for (int i = 0; i < 40; i += 2)
      REQUIRE(::unlink((client / ("small-" + std::to_string(i))).c_str()) == 0);
    write_file(client / "new", as_text(random_content(1'000'000, 3).span()));
    client.let_settle();
    second = *client.back_up_well().result.snapshot;
    state = describe_tree(client.source());
  }

  void forget_first() { REQUIRE(forget(*client.repository, {first}, "test")); }

  void check_second(const std::string& where) {
    const std::string target = client.work(where);
    const Restored restored = client.restore_source(second, target);
    CHECK_MESSAGE(restored.troubles.empty(), restored.troubles.front());
    CHECK(difference(state, describe_tree(target)) == "");
    remove_tree(target);
  }

  // What `check --read-data` calls an error.
  void check_repository() {
    CollectingObserver observer;
    CheckOptions options;
    options.read.kind = ReadSubset::Kind::all;
    const auto checked = check(*client.repository, options, observer, [](const Finding& finding) {
      if (finding.severity == Severity::error) FAIL_CHECK(finding.where << ": " << finding.what);
    });
    REQUIRE_MESSAGE(checked, checked.error().message);
    CHECK(checked->errors == 0);
  }
};

TEST_CASE("the second prune of a quiet repository has freed what only forgotten snapshots needed") {
  TwoSnapshots two;
  const std::uint64_t before = stored_bytes(two.client);
  two.forget_first();
  const PruneResult one = prune_well(two.client);
  CHECK(one.packs_deleted == 0);
  CHECK(one.snapshots_deleted == 1);
  CHECK(one.packs_dropped > 0);
  CHECK(one.bytes_freed > 6'000'000);
  two.check_second("between");
  const PruneResult other = prune_well(two.client);
  CHECK(other.packs_deleted == one.packs_dropped);
  CHECK(other.segments_deleted > 0);
  CHECK(other.packs_dropped == 0);
  CHECK(stored_bytes(two.client) < before - 6'000'000);
  two.check_second("after");
  two.check_repository();
  // And there it rests.
  const PruneResult third = prune_well(two.client);
  CHECK(third.packs_deleted == 0);
  CHECK(third.packs_dead + third.packs_sparse == 0);
}

TEST_CASE("a restore finds what was moved since it had read the index") {
  TwoSnapshots two;
  const Repository& repository = *two.client.repository;
  LocalIndex index = two.client.repository.empty_index();
  REQUIRE(load_index_to_read(repository, index));
  two.forget_first();
  const PruneResult one = prune_well(two.client);
  CHECK(one.chunks_rescued > 0);
  CHECK(prune_well(two.client).packs_deleted > 0);

  RestoreOptions options;
  options.target = two.client.work("moved");
  options.path_in_snapshot = two.client.source();
  CollectingObserver observer;
  const auto restored = restore(repository, index, two.client.load(two.second), options, observer);
  REQUIRE_MESSAGE(restored, restored.error().message);
  CHECK(observer.troubles().empty());
  CHECK(difference(two.state, describe_tree(options.target)) == "");
}

TEST_CASE("nothing goes while everything is needed") {
  TwoSnapshots two;
  const std::uint64_t before = stored_bytes(two.client);
  for (int i = 0; i < 3; ++i) {
    const PruneResult result = prune_well(two.client);
    CHECK(result.packs_dead + result.packs_sparse + result.packs_deleted == 0);
  }
  CHECK(stored_bytes(two.client) == before);
}

TEST_CASE("a dry run tells what would go and writes nothing") {
  TwoSnapshots two;
  two.forget_first();
  two.client.repository.storage->forget_calls();
  PruneOptions options = at_once();
  options.dry_run = true;
  const PruneResult result = prune_well(two.client, options);
  CHECK(result.packs_dead + result.packs_sparse > 0);
  CHECK(result.bytes_freed > 6'000'000);
  CHECK(two.client.repository.storage->calls("put").empty());
  CHECK(two.client.repository.storage->calls("remove").empty());
}

TEST_CASE("within its window a forgotten snapshot keeps what it needs and can be brought back") {
  TwoSnapshots two;
  const std::uint64_t before = stored_bytes(two.client);
  two.forget_first();
  PruneOptions options = at_once();
  options.undelete_window = 24 * kHour;
  for (int i = 0; i < 3; ++i) CHECK(prune_well(two.client, options).snapshots_in_window == 1);
  CHECK(stored_bytes(two.client) == before);

  const auto list = list_snapshots(*two.client.repository, Which::all);
  REQUIRE(list);
  const auto old = find_snapshot(*list, two.first.hex(), {});
  REQUIRE(old);
  CHECK(old->forgotten);
  const auto back = store_again(*two.client.repository, *old, old->snapshot, Purpose::undelete);
  REQUIRE_MESSAGE(back, back.error().message);
  // The window is over now, but the new snapshot needs the same.
  for (int i = 0; i < 3; ++i) prune_well(two.client);
  const Restored restored = two.client.restore_source(*back, two.client.work("back"));
  CHECK_MESSAGE(restored.troubles.empty(), restored.troubles.front());
  CHECK(two.client.load(*back).original == two.first);
  two.check_repository();
}

TEST_CASE("an open session holds back what was condemned while it was open, and nothing later") {
  TwoSnapshots two;
  two.forget_first();
  LocalIndex index = two.client.repository.empty_index();
  auto open = WriterSession::begin(*two.client.repository, index, Purpose::backup, "attic");
  REQUIRE(open);
  const PruneResult one = prune_well(two.client);
  CHECK(one.sessions_open == 1);
  CHECK(one.packs_waiting > 0);
  CHECK(one.packs_dropped == 0);
  CHECK(prune_well(two.client).packs_dropped == 0);

  // Somebody always writes: the next one begins before the first ends.
  LocalIndex other_index = two.client.repository.empty_index();
  auto other = WriterSession::begin(*two.client.repository, other_index, Purpose::backup, "attic");
  REQUIRE(other);
  REQUIRE((*open)->abandon());
  const PruneResult two_later = prune_well(two.client);
  CHECK(two_later.sessions_open == 1);
  CHECK(two_later.packs_dropped == one.packs_waiting);
  CHECK(prune_well(two.client).packs_deleted == one.packs_waiting);
  REQUIRE((*other)->abandon());
  two.check_second("after");
}

TEST_CASE("a session that has died on this machine delays nothing") {
  TwoSnapshots two;
  two.forget_first();
  // As after a kill: registered, by a process that is not there.
  const Repository& repository = *two.client.repository;
  const SessionId id = samples::id<SessionId>(77);
  const ProcessIdentity here = this_process(repository.bundle().keys.id_key);
  SessionMessage message;
  message.session = id;
  message.created = repository.now();
  message.machine = here.machine;
  message.boot = here.boot;
  message.pid = here.pid;
  message.pid_started = here.pid_started + 1;
  message.pid_namespace = here.pid_namespace;
  REQUIRE(repository.put_body(ObjectKind::session, names::session(id), encode(message)));
  const PruneResult result = prune_well(two.client);
  if (here.machine.empty()) {
    MESSAGE("this machine has no id, so nobody can know: not tested");
    return;
  }
  CHECK(result.sessions_fenced == 1);
  CHECK(result.packs_dropped > 0);
  prune_well(two.client);
  // It stays for a week: should it live after all, it must find its registration.
  CHECK(two.client.repository.names("sessions/") ==
        std::vector<std::string>{names::session(id).text()});
}

TEST_CASE("a session of another boot is gone only if the machine has the name it had") {
  // Clones have one id and run at once.
  ProcessIdentity here;
  here.machine = "machine";
  here.boot = "boot";
  SessionMessage session;
  session.machine = here.machine;
  session.boot = "another boot";
  session.host = host_name();
  CHECK(is_known_gone(session, here));
  session.host += "-clone";
  CHECK_FALSE(is_known_gone(session, here));
}

TEST_CASE("a silent session is fenced after a while, and its packs are taken") {
  TwoSnapshots two;
  LocalIndex index = two.client.repository.empty_index();
  auto open = WriterSession::begin(*two.client.repository, index, Purpose::backup, "attic");
  REQUIRE(open);
  PruneOptions options = at_once();
  CHECK(prune_well(two.client, options).sessions_fenced == 0);
  options.fence_after = 0;
  CHECK(prune_well(two.client, options).sessions_fenced == 1);
  REQUIRE((*open)->abandon());
}

// Between any two steps of a collection a writer may back up what was condemned just now.
TEST_CASE("a backup at any moment of a collection restores") {
  for (std::size_t moment = 0;; ++moment) {
    TwoSnapshots two;
    two.forget_first();
    // The file comes back: its chunks are in the packs that are being condemned.
    write_file(two.client / "old", as_text(random_content(7'000'000, 2).span()));
    const auto state = describe_tree(two.client.source());
    auto& storage = *two.client.repository.storage;
    std::size_t writes = 0;
    std::optional<SnapshotId> snapshot;
    bool inside = false;
    storage.before = [&](const std::string& call) -> Result<void> {
      const bool is_write = call.starts_with("put ") || call.starts_with("remove ");
      if (inside || !is_write || writes++ != moment) return {};
      inside = true;
      // A client of its own, with another cache.
      CollectingObserver observer;
      auto done = backup(*two.client.repository, two.client.options(), observer);
      inside = false;
      REQUIRE_MESSAGE(done, done.error().message);
      snapshot = done->snapshot;
      return {};
    };
    const auto first = try_prune(two.client);
    storage.before = nullptr;
    CAPTURE(moment);
    REQUIRE_MESSAGE(first, first.error().message);
    if (!snapshot) break;  // fewer writes than that
    for (int i = 0; i < 3; ++i) prune_well(two.client);
    const Restored restored = two.client.restore_source(*snapshot, two.client.work("back"));
    CHECK_MESSAGE(restored.troubles.empty(), restored.troubles.front());
    CHECK(difference(state, describe_tree(two.client.work("back"))) == "");
    two.check_second("second");
  }
}

TEST_CASE(
    "a collection that is stopped at any write leaves everything restorable, and the next goes "
    "on") {
  std::size_t stops = 0;
  for (std::size_t stop_at = 0;; ++stop_at) {
    TwoSnapshots two;
    two.forget_first();
    prune_well(two.client);  // so that there is something to delete, too
    write_file(two.client / "more", as_text(random_content(500'000, 9).span()));
    const SnapshotId third = *two.client.back_up_well().result.snapshot;
    REQUIRE(forget(*two.client.repository, {third}, "test"));
    auto& storage = *two.client.repository.storage;
    std::size_t writes = 0;
    storage.before = [&](const std::string& call) -> Result<void> {
      const bool is_write = call.starts_with("put ") || call.starts_with("remove ");
      if (is_write) ++writes;
      if (is_write && writes > stop_at) return fail(ErrorCode::io, "the plug was pulled");
      return {};
    };
    const bool finished = try_prune(two.client).has_value();
    storage.before = nullptr;
    CAPTURE(stop_at);
    two.check_second("stopped");
    for (int i = 0; i < 3; ++i) prune_well(two.client);
    two.check_second("after");
    two.check_repository();
    CHECK(stored_bytes(two.client) < 9'000'000);
    if (finished) break;
    ++stops;
  }
  CHECK(stops > 5);
}

TEST_CASE("two collections at once do each other no harm") {
  std::size_t moment = 0;
  for (bool met = true; met; ++moment) {
    CAPTURE(moment);
    TwoSnapshots two;
    two.forget_first();
    auto& storage = *two.client.repository.storage;
    std::size_t writes = 0;
    met = false;
    storage.before = [&](const std::string& call) -> Result<void> {
      const bool is_write = call.starts_with("put ") || call.starts_with("remove ");
      if (met || !is_write || writes++ != moment) return {};
      met = true;
      const auto other = try_prune(two.client);
      CHECK_MESSAGE(other, other.error().message);
      return {};
    };
    (void)try_prune(two.client);
    storage.before = nullptr;
    two.check_second("meanwhile");
    for (int i = 0; i < 3; ++i) prune_well(two.client);
    CHECK(stored_bytes(two.client) < 9'000'000);
    two.check_repository();
  }
  CHECK(moment > 4);
}

TEST_CASE("nothing is deleted while something cannot be read or is missing") {
  TwoSnapshots two;
  two.forget_first();
  auto& storage = *two.client.repository.storage;
  std::string damaged;
  SUBCASE("a segment") { damaged = two.client.repository.names("index/").front(); }
  SUBCASE("a snapshot") { damaged = names::snapshot(two.second).text(); }
  SUBCASE("what was forgotten") { damaged = two.client.repository.names("forgotten/").front(); }
  SUBCASE("all trees") { damaged = "tree/"; }
  storage.tamper = [&](const std::string& name, Bytes& bytes) {
    if (name.starts_with(damaged)) bytes.data()[bytes.size() / 2] ^= std::byte{1};
  };
  // A new client, who has none of it in its cache.
  storage.forget_calls();
  const auto result = try_prune(two.client);
  CHECK_FALSE(result);
  CHECK(storage.calls("remove data/").empty());
  CHECK(storage.calls("remove tree/").empty());
  CHECK(storage.calls("remove index/").empty());
  CHECK(storage.calls("remove snapshots/").empty());
  storage.tamper = nullptr;
  two.check_second("after");
}

TEST_CASE("a needed pack that is missing stops the collection") {
  TwoSnapshots two;
  two.forget_first();
  const auto packs = two.client.repository.names("data/");
  REQUIRE(two.client.repository.storage->remove(*ObjectName::parse(packs.front())));
  const auto result = try_prune(two.client);
  REQUIRE_FALSE(result);
  CHECK(result.error().message.find("repair") != std::string::npos);
}

TEST_CASE("packs that an interrupted backup left are listed and then taken") {
  TwoSnapshots two;
  const std::uint64_t before = stored_bytes(two.client);
  write_file(two.client / "more", as_text(random_content(6'000'000, 5).span()));
  auto& storage = *two.client.repository.storage;
  storage.before = [](const std::string& call) -> Result<void> {
    if (call.starts_with("put index/") || call.starts_with("put fences/"))
      return fail(ErrorCode::io, "killed");
    return {};
  };
  CollectingObserver observer;
  CHECK_FALSE(two.client.try_back_up(two.client.options(), observer));
  storage.before = nullptr;
  CHECK(stored_bytes(two.client) > before);
  PruneOptions options = at_once();
  options.fence_after = 0;
  for (int i = 0; i < 4; ++i) prune_well(two.client, options);
  CHECK(stored_bytes(two.client) <= before);
  two.check_second("after");
}

}  // namespace
}  // namespace lagan
