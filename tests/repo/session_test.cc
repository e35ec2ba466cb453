// SPDX-License-Identifier: Apache-2.0
#include "repo/session.h"

#include <doctest/doctest.h>

#include <atomic>

#include "repo/chunk_reader.h"
#include "repo/derived_keys.h"
#include "repo/limits.h"
#include "repo/snapshot_length.h"
#include "repo/snapshots.h"
#include "repo/tree.h"
#include "repo/tree_walk.h"
#include "tests/repo/test_repository.h"

namespace lagan {
namespace {

// A writer of the same few files again and again.
struct Client {
  const TestRepository& repository;
  LocalIndex index = repository.empty_index();
  std::unique_ptr<WriterSession> session;

  explicit Client(const TestRepository& of) : repository(of) {
    auto begun = WriterSession::begin(*repository, index, Purpose::backup, "attic");
    REQUIRE_MESSAGE(begun, begun.error().message);
    session = *std::move(begun);
  }

  // Stores a folder with one large file, which has a list node, and one small one.
  Snapshot store() {
    ChunkWriter writer(*repository, index, session->id(), small_packs());
    auto& lane = writer.make_data_lane();
    ContentBuilder content(writer.tree_sink());
    Entry large = samples::usual_entry("large");
    large.slices.clear();
    large.size = 0;
    for (std::uint64_t i = 0; i < 40; ++i) {
      const Bytes chunk = random_content(9000 + i, i);
      REQUIRE(content.add({lane.store(chunk).value(), 0, chunk.size()}));
      large.size += chunk.size();
    }
    REQUIRE(content.finish(large));
    REQUIRE(large.list);
    Entry small = samples::usual_entry("small");
    small.slices = {{lane.store(random_content(9000, 99)).value(), 0, 9000}};

    DirectoryBuilder builder(split_key(*repository), writer.tree_sink());
    REQUIRE(builder.add("large", encode(large)));
    REQUIRE(builder.add("small", encode(small)));
    Snapshot snapshot;
    snapshot.session = session->id();
    snapshot.host = "attic";
    snapshot.root = {builder.finish().value(), 2, 0, large.size + 9000};
    const bool has_news = writer.has_stored();
    const auto record = writer.flush(has_news ? encode_root_record(snapshot) : "");
    REQUIRE_MESSAGE(record, record.error().message);
    snapshot.root_record = *record;
    return snapshot;
  }
};

std::vector<PackId> all_packs(const TestRepository& repository) {
  std::vector<PackId> packs;
  for (const char* folder : {"data/", "tree/"}) {
    for (const std::string& name : repository.names(folder))
      packs.push_back(*names::id_of<PackId>(*ObjectName::parse(name)));
  }
  return packs;
}

void condemn(const TestRepository& repository, const std::vector<PackId>& packs) {
  Condemned log;
  log.data_packs = packs;
  REQUIRE(repository->put_signed(ObjectKind::condemned,
                                 names::random_name(names::kCondemned, repository->random_id()),
                                 encode(log)));
}

void put_fence(const TestRepository& repository, const SessionId& id) {
  const Mark mark{id, 0, "collector", "lagan", false};
  REQUIRE(repository->put_body(ObjectKind::fence, names::fence(id), encode(mark)));
}

// Loads every chunk of the snapshot with a fresh client that may use no pack of `without`.
void check_whole(const TestRepository& repository, const Snapshot& snapshot,
                 const std::vector<PackId>& without) {
  LocalIndex index = repository.empty_index();
  REQUIRE(load_index(*repository, index));
  index.set_condemned({without.begin(), without.end()});
  ChunkReader reader(*repository, index);
  std::unordered_set<ChunkId> seen;
  std::size_t missing = 0;
  const ChunkWalk walk{
      .is_new = [&](const ChunkId& id) { return seen.insert(id).second; },
      .each = [&](const ChunkId& id, ChunkKind kind, const std::string&) -> Result<void> {
        if (!index.contains(id)) ++missing;
        TRY(reader.load(id, kind));
        return {};
      },
      .trouble = [](const std::string& path, Error error) -> Result<void> {
        return fail(std::move(error).in(path));
      }};
  const auto walked = walk_chunks(reader.source(), snapshot, walk);
  CHECK_MESSAGE(walked, walked.error().message);
  CHECK(missing == 0);
  CHECK(seen.size() >= 40);
}

TEST_CASE("a writer registers before it reads anything") {
  const TestRepository repository;
  const Client client(repository);
  const auto calls = repository.storage->calls();
  const std::string id = client.session->id().hex();
  REQUIRE(calls.size() >= 3);
  CHECK(calls[0] == "put sessions/" + id);
  CHECK(repository.storage->position("list condemned/") <
        repository.storage->position("list index/"));
  CHECK(repository.storage->calls("list ").size() == 2);

  const auto message = repository->get_body(
      ObjectKind::session, names::session(client.session->id()), limits::kSmallBodyBytes);
  REQUIRE(message);
  const auto decoded = decode_session(as_bytes(*message));
  REQUIRE(decoded);
  CHECK(decoded->session == client.session->id());
  CHECK(decoded->purpose == 1);
  CHECK(decoded->host == "attic");
  CHECK(decoded->beat == 0);
  CHECK(decoded->pid != 0);
  CHECK(decoded->pid_started != 0);
  CHECK(repository.size_of("sessions/" + id) == 2192);
}

TEST_CASE("packs come before segments, segments before the snapshot, and then the fence") {
  const TestRepository repository;
  Client client(repository);
  const Snapshot snapshot = client.store();
  REQUIRE(client.session->commit(snapshot));
  const auto& storage = *repository.storage;
  const std::string name = "snapshots/" + client.session->id().hex();
  CHECK(storage.position("put sessions/") < storage.position("put data/"));
  CHECK(storage.last_position("put data/") < storage.last_position("put index/"));
  CHECK(storage.last_position("put tree/") < storage.last_position("put index/"));
  CHECK(storage.last_position("put index/") < storage.position("list s"));
  CHECK(storage.last_position("list s") < storage.position("put " + name));
  CHECK(storage.position("put " + name) < storage.position("stat fences/"));
  CHECK(storage.calls("stat fences/").size() == 1);
  CHECK(storage.calls("put fences/").empty());
  CHECK(repository.names("snapshots/") == std::vector{name});
  check_whole(repository, snapshot, {});
}

TEST_CASE("a writer that gives up closes its session with a fence") {
  const TestRepository repository;
  Client client(repository);
  REQUIRE(client.session->abandon());
  REQUIRE(client.session->abandon());
  CHECK(repository.names("fences/") == std::vector{names::fence(client.session->id()).text()});
  const auto message = repository->get_body(ObjectKind::fence, names::fence(client.session->id()),
                                            limits::kSmallBodyBytes);
  REQUIRE(message);
  CHECK(decode_mark(as_bytes(*message))->by_writer);
  CHECK(decode_mark(as_bytes(*message))->session == client.session->id());
}

TEST_CASE("a committed session is not abandoned") {
  const TestRepository repository;
  Client client(repository);
  REQUIRE(client.session->commit(client.store()));
  REQUIRE(client.session->abandon());
  CHECK(repository.names("fences/").empty());
}

TEST_CASE("a session that cannot learn what is there is closed again") {
  const TestRepository repository;
  repository.storage->before = [](const std::string& call) -> Result<void> {
    if (call.starts_with("list index/")) return fail(ErrorCode::unavailable, "away");
    return {};
  };
  LocalIndex index = repository.empty_index();
  CHECK_FALSE(WriterSession::begin(*repository, index, Purpose::backup, "attic"));
  CHECK(repository.names("sessions/").size() == 1);
  CHECK(repository.names("fences/").size() == 1);
}

TEST_CASE("a repository that can only be read has no writers") {
  const TestRepository repository;
  REQUIRE(repository.storage->remove(*ObjectName::parse(repository.names("config/").at(0))));
  const auto opened = repository.open_again();
  REQUIRE(opened);
  repository.storage->forget_calls();
  LocalIndex index = repository.empty_index();
  CHECK_FALSE(WriterSession::begin(**opened, index, Purpose::backup, "attic"));
  CHECK(repository.storage->calls().empty());
}

TEST_CASE("a machine that was rolled back does not commit") {
  const TestRepository repository;
  Client client(repository);
  const Snapshot snapshot = client.store();
  SUBCASE("its registration is gone, for a collector has closed the session") {
    REQUIRE(repository.storage->remove(names::session(client.session->id())));
  }
  SUBCASE("its snapshot is there already") {
    REQUIRE(repository->put_body(ObjectKind::snapshot, names::snapshot(client.session->id()),
                                 encode(snapshot)));
  }
  const auto before = repository.names("snapshots/");
  const auto committed = client.session->commit(snapshot);
  REQUIRE_FALSE(committed);
  CHECK(committed.error().code == ErrorCode::unavailable);
  CHECK(repository.names("snapshots/") == before);
}

TEST_CASE("a snapshot names no parent that is gone, but a copy those of its original") {
  const TestRepository repository;
  Client first(repository);
  REQUIRE(first.session->commit(first.store()));
  Client second(repository);
  Snapshot snapshot = second.store();
  const SnapshotId gone{repository->random_id().bytes};
  snapshot.parents = {gone, first.session->id()};
  std::vector<SnapshotId> expected = {first.session->id()};
  SUBCASE("no copy") {}
  SUBCASE("a copy") {
    snapshot.original = gone;
    expected = snapshot.parents;
  }
  REQUIRE(second.session->commit(snapshot));
  const auto message =
      repository->get_body(ObjectKind::snapshot, names::snapshot(second.session->id()), 1 << 20);
  REQUIRE(message);
  CHECK(decode_snapshot(as_bytes(*message))->parents == expected);
}

TEST_CASE("a snapshot is read back where the storage proves nothing") {
  const TestRepository repository;
  repository.storage->shown_capabilities = Capabilities{.parallel = 2, .put_is_verified = false};
  Client client(repository);
  const Snapshot snapshot = client.store();
  const std::string name = names::snapshot(client.session->id()).text();
  SUBCASE("and it is what was put") {
    REQUIRE(client.session->commit(snapshot));
    CHECK(repository.storage->calls("get " + name).size() == 1);
  }
  SUBCASE("and another answer is an error") {
    repository.storage->tamper = [&](const std::string& got, Bytes& bytes) {
      if (got == name) bytes.span()[100] ^= std::byte{1};
    };
    CHECK_FALSE(client.session->commit(snapshot));
  }
}

TEST_CASE("a storage that proves what it stored is not asked for the snapshot") {
  const TestRepository repository;
  Client client(repository);
  REQUIRE(client.session->commit(client.store()));
  CHECK(repository.storage->calls("get snapshots/").empty());
}

TEST_CASE("an unchanged backup makes few requests and lists each kind of object once") {
  const TestRepository repository;
  {
    Client first(repository);
    REQUIRE(first.session->commit(first.store()));
  }
  LocalIndex index = repository.empty_index();
  REQUIRE(load_index(*repository, index));
  repository.storage->forget_calls();
  auto session = WriterSession::begin(*repository, index, Purpose::backup, "attic");
  REQUIRE(session);
  Snapshot snapshot;
  snapshot.session = (*session)->id();
  REQUIRE((*session)->commit(snapshot));
  const std::string id = (*session)->id().hex();
  CHECK(repository.storage->calls() ==
        std::vector<std::string>{"put sessions/" + id, "list condemned/", "list index/", "list s",
                                 "put snapshots/" + id, "stat fences/" + id});
}

TEST_CASE("sessions and snapshots are listed one by one where together is no single request") {
  const TestRepository repository;
  Capabilities unable = repository.storage->capabilities();
  unable.lists_any_prefix = false;
  repository.storage->shown_capabilities = unable;
  Client client(repository);
  const Snapshot snapshot = client.store();
  SUBCASE("before the snapshot is put") {
    REQUIRE(client.session->commit(snapshot));
    CHECK(repository.storage->calls("list s") ==
          std::vector<std::string>{"list sessions/", "list snapshots/"});
    CHECK(repository.storage->last_position("put index/") < repository.storage->position("list s"));
    CHECK(repository.storage->last_position("list s") <
          repository.storage->position("put snapshots/"));
  }
  SUBCASE("and the registration is gone") {
    REQUIRE(repository.storage->remove(names::session(client.session->id())));
    CHECK_FALSE(client.session->commit(snapshot));
  }
  SUBCASE("and the snapshot is there") {
    REQUIRE(repository->put_body(ObjectKind::snapshot, names::snapshot(client.session->id()),
                                 encode(snapshot)));
    CHECK_FALSE(client.session->commit(snapshot));
  }
}

TEST_CASE("what is condemned before a session begins is not relied on") {
  const TestRepository repository;
  Client first(repository);
  REQUIRE(first.session->commit(first.store()));
  const auto old = all_packs(repository);
  condemn(repository, old);
  Client second(repository);
  const Snapshot snapshot = second.store();
  REQUIRE(second.session->commit(snapshot));
  check_whole(repository, snapshot, old);
  CHECK(repository.names("snapshots/").size() == 2);  // and no .ok: nothing was fenced
}

TEST_CASE("who cannot read what is condemned relies on nothing") {
  const TestRepository repository;
  Client first(repository);
  REQUIRE(first.session->commit(first.store()));
  const auto old = all_packs(repository);
  condemn(repository, {samples::id<PackId>(1)});
  repository.damage(repository.names("condemned/").at(0), 300);
  Client second(repository);
  CHECK(second.session->loaded().damaged.size() == 1);
  const Snapshot snapshot = second.store();
  REQUIRE(second.session->commit(snapshot));
  check_whole(repository, snapshot, old);
}

TEST_CASE("a fenced writer stores again what lies in condemned packs and marks its snapshot") {
  const TestRepository repository;
  Client first(repository);
  REQUIRE(first.session->commit(first.store()));
  const auto old = all_packs(repository);

  Client second(repository);
  // A collector runs while the writer sleeps: it condemns what nobody seems to need, waits in vain
  // and closes the session.
  condemn(repository, old);
  put_fence(repository, second.session->id());
  const Snapshot snapshot = second.store();
  CHECK(all_packs(repository).size() == old.size());  // it deduplicated against all of it
  repository.storage->forget_calls();
  REQUIRE(second.session->commit(snapshot));

  const std::string mark = names::verified(second.session->id()).text();
  CHECK(repository.storage->calls("put " + mark).size() == 1);
  CHECK(repository.storage->position("put snapshots/") <
        repository.storage->position("stat fences/"));
  CHECK(repository.storage->last_position("put data/") <
        repository.storage->position("put index/"));
  CHECK(repository.storage->last_position("put index/") <
        repository.storage->position("put " + mark));
  check_whole(repository, snapshot, old);
  const auto list = list_snapshots(*repository);
  REQUIRE(list);
  CHECK(std::ranges::all_of(list->snapshots, &StoredSnapshot::verified));
  // And really without them.
  for (const PackId& pack : old) {
    for (const ObjectKind kind : {ObjectKind::data_pack, ObjectKind::tree_pack})
      REQUIRE(repository.storage->remove(names::pack(kind, pack)));
  }
  check_whole(repository, snapshot, old);
}

TEST_CASE("what was condemned while a fenced writer read the index is not relied on") {
  const TestRepository repository;
  Client first(repository);
  REQUIRE(first.session->commit(first.store()));
  const auto old = all_packs(repository);
  Client second(repository);
  put_fence(repository, second.session->id());
  const Snapshot snapshot = second.store();
  bool is_first = true;
  repository.storage->before = [&](const std::string& call) -> Result<void> {
    if (call == "list index/" && std::exchange(is_first, false)) condemn(repository, old);
    return {};
  };
  REQUIRE(second.session->commit(snapshot));
  CHECK_FALSE(is_first);
  check_whole(repository, snapshot, old);
}

TEST_CASE("a rescue is repeated until nothing is left to store") {
  const TestRepository repository;
  Client first(repository);
  REQUIRE(first.session->commit(first.store()));
  const auto old = all_packs(repository);
  Client second(repository);
  condemn(repository, old);
  put_fence(repository, second.session->id());
  const Snapshot snapshot = second.store();
  // Another collector condemns the rescued copies as soon as they are listed.
  std::atomic<int> condemned = 0;
  std::vector<PackId> rescued;
  repository.storage->before = [&](const std::string& call) -> Result<void> {
    if (!call.starts_with("put index/") || ++condemned > 2) return {};
    rescued = all_packs(repository);
    condemn(repository, rescued);
    return {};
  };
  REQUIRE(second.session->commit(snapshot));
  CHECK(condemned == 3);
  check_whole(repository, snapshot, rescued);
  CHECK(repository.names(names::verified(second.session->id()).text().substr(0, 10)).size() == 3);
}

TEST_CASE("a fenced snapshot that cannot be rescued stays unverified") {
  const TestRepository repository;
  Client first(repository);
  REQUIRE(first.session->commit(first.store()));
  const auto old = all_packs(repository);
  Client second(repository);
  const Snapshot snapshot = second.store();
  condemn(repository, old);
  put_fence(repository, second.session->id());
  for (const std::string& name : repository.names("data/"))
    REQUIRE(repository.storage->remove(*ObjectName::parse(name)));
  const auto done = second.session->commit(snapshot);
  REQUIRE_FALSE(done);
  CHECK(done.error().message.find("run it again") != std::string::npos);
  CHECK(repository.storage->calls("put " + names::verified(second.session->id()).text()).empty());
  const auto list = list_snapshots(*repository);
  REQUIRE(list);
  CHECK(std::ranges::count(list->snapshots, false, &StoredSnapshot::verified) == 1);
}

TEST_CASE("a snapshot that nobody could read back is refused") {
  TestRepository repository;
  LocalIndex index = repository.empty_index();
  auto session = WriterSession::begin(*repository, index, Purpose::backup, "attic");
  REQUIRE(session);
  Snapshot snapshot;
  snapshot.session = (*session)->id();
  const auto fill = [&](std::size_t bytes) {
    snapshot.paths.assign(bytes / 4096, "/" + std::string(4095 - 4, 'x'));
    return encode(snapshot).size();
  };
  // The padding reaches the limit before the message does.
  std::size_t most = 16 * limits::kMiB;
  while (fill(most), !check_length(snapshot)) most -= 4096;
  CHECK(most > 15 * limits::kMiB);
  fill(most + 4096);
  const auto refused = (*session)->commit(snapshot);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("name folders instead") != std::string::npos);
  CHECK(repository.names("snapshots/").empty());
  fill(most);
  REQUIRE((*session)->commit(snapshot));
  const auto list = list_snapshots(*repository);
  REQUIRE(list);
  CHECK(list->unreadable.empty());
  CHECK(list->snapshots.size() == 1);
}

}  // namespace
}  // namespace lagan
