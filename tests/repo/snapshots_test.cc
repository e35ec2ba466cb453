// SPDX-License-Identifier: Apache-2.0
#include "repo/snapshots.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "repo/derived_keys.h"
#include "tests/repo/test_repository.h"
#include "tests/util/temporary_folder.h"
#include "util/file.h"

namespace lagan {
namespace {

Snapshot snapshot_of(unsigned char id, Nanoseconds time, std::string host = "attic",
                     std::vector<std::string> tags = {},
                     std::vector<std::string> paths = {"/home"}) {
  Snapshot snapshot = samples::snapshot();
  snapshot.session = samples::id<SessionId>(id);
  snapshot.time = time;
  snapshot.host = std::move(host);
  snapshot.tags = std::move(tags);
  snapshot.paths = std::move(paths);
  return snapshot;
}

void put(const TestRepository& repository, const Snapshot& snapshot) {
  REQUIRE(repository->put_body(ObjectKind::snapshot, names::snapshot(snapshot.session),
                               encode(snapshot)));
}

void forget(const TestRepository& repository, std::vector<SnapshotId> ids) {
  Forgotten forgotten;
  forgotten.snapshots = std::move(ids);
  REQUIRE(repository->put_signed(ObjectKind::forgotten,
                                 names::random_name(names::kForgotten, repository->random_id()),
                                 encode(forgotten)));
}

std::vector<SnapshotId> ids(const SnapshotList& list) {
  std::vector<SnapshotId> found;
  for (const StoredSnapshot& stored : list.snapshots) found.push_back(stored.id);
  return found;
}

SnapshotId id(unsigned char first) { return samples::id<SnapshotId>(first); }

TEST_CASE("snapshots are listed by time, without the forgotten ones") {
  const TestRepository repository;
  put(repository, snapshot_of(1, 300));
  put(repository, snapshot_of(2, 100));
  put(repository, snapshot_of(3, 200));
  put(repository, snapshot_of(4, 200));
  const auto list = list_snapshots(*repository);
  REQUIRE(list);
  CHECK(ids(*list) == std::vector{id(2), id(3), id(4), id(1)});
  CHECK(list->damaged.empty());
  CHECK(encode(list->snapshots[0].snapshot) == encode(snapshot_of(2, 100)));

  forget(repository, {id(3), id(9)});
  forget(repository, {id(1)});
  CHECK(ids(*list_snapshots(*repository)) == std::vector{id(2), id(4)});
}

// As one over a network.
TEST_CASE("what was listed once is not fetched again, and the storage says what there is") {
  const TemporaryFolder folder;
  OpenOptions options;
  options.cache_folder = folder.path();
  const TestRepository repository(options);
  repository.storage->shown_capabilities = Capabilities{.parallel_gets = 4};
  put(repository, snapshot_of(1, 100));
  put(repository, snapshot_of(2, 200));
  put(repository, snapshot_of(3, 300));
  forget(repository, {id(3)});
  const auto look = [&](ReadFrom from = ReadFrom::cache) {
    repository.storage->forget_calls();
    auto list = list_snapshots(*repository, Which::remembered, from);
    REQUIRE(list);
    return *std::move(list);
  };
  const auto gets = [&] { return repository.storage->calls("get ").size(); };
  CHECK(ids(look()) == std::vector{id(1), id(2)});
  CHECK(gets() == 3);
  const SnapshotList again = look();
  CHECK(ids(again) == std::vector{id(1), id(2)});
  CHECK(encode(again.snapshots[1].snapshot) == encode(snapshot_of(2, 200)));
  CHECK(gets() == 0);

  const std::string first = names::snapshot(id(1)).text();
  const std::string kept = repository->cache_folder() + "/" + first;
  SUBCASE("a kept one that is damaged is fetched") {
    std::fstream file(kept, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(60);
    file.put('x');
    file.close();
    CHECK(ids(look()) == std::vector{id(1), id(2)});
    CHECK(gets() == 1);
  }
  SUBCASE("who mends sees the storage") {
    repository.damage(first, 60);
    CHECK(look().damaged.empty());
    CHECK(look(ReadFrom::storage).unreadable.size() == 1);
  }
  SUBCASE("what goes there goes here") {
    REQUIRE(repository.storage->inner().remove(names::snapshot(id(1))));
    CHECK(ids(look()) == std::vector{id(2)});
    CHECK_FALSE(std::filesystem::exists(kept));
  }
  SUBCASE("a storage that is near is asked each time") {
    repository.storage->shown_capabilities.reset();
    look();
    CHECK(gets() == 2);
  }
}

TEST_CASE("what was forgotten is read once, also near, and the storage says what there is") {
  const TemporaryFolder folder;
  OpenOptions options;
  options.cache_folder = folder.path();
  const TestRepository repository(options);
  for (unsigned char i = 1; i <= 4; ++i) put(repository, snapshot_of(i, i));
  forget(repository, {id(2), id(4)});
  forget(repository, {id(3)});
  const auto look = [&](ReadFrom from = ReadFrom::cache) {
    repository.storage->forget_calls();
    auto list = list_snapshots(*repository, Which::remembered, from);
    REQUIRE(list);
    return *std::move(list);
  };
  const auto gets = [&] { return repository.storage->calls("get forgotten/").size(); };
  CHECK(ids(look()) == std::vector{id(1)});
  CHECK(gets() == 2);
  CHECK(ids(look()) == std::vector{id(1)});
  CHECK(gets() == 0);
  const std::string kept = repository->cache_folder() + "/forgotten-read";
  const std::string content(as_text(*read_file(kept, 1000)));
  const std::string first = repository.names("forgotten/").front();
  SUBCASE("a new one is read alone") {
    forget(repository, {id(1)});
    CHECK(look().snapshots.empty());
    CHECK(gets() == 1);
    look();
    CHECK(gets() == 0);
  }
  SUBCASE("one that goes there counts no more") {
    REQUIRE(repository.storage->remove(*ObjectName::parse(first)));
    CHECK(look().snapshots.size() > 1);
    CHECK(gets() == 0);
    CHECK(read_file(kept, 1000)->size() < content.size());
  }
  SUBCASE("who mends sees the storage, and leaves the memory alone") {
    repository.damage(first, 200);
    CHECK(look().damaged_logs.empty());
    CHECK(look(ReadFrom::storage).damaged_logs.size() == 1);
    CHECK(look().damaged_logs.empty());
  }
  SUBCASE("of a file that is not whole, or not ours, nothing counts") {
    std::vector<std::string> bad = {content + '\0', std::string(content.size(), 'x')};
    for (std::size_t size = 0; size < content.size(); ++size)
      bad.push_back(content.substr(0, size));
    for (std::size_t i = 0; i < content.size(); ++i) {
      bad.push_back(content);
      bad.back()[i] = static_cast<char>(bad.back()[i] ^ 1);
    }
    const TestRepository other;
    bad.push_back(cache_check(*other, "forgotten-read" + content.substr(16)) + content.substr(16));
    for (const std::string& text : bad) {
      REQUIRE(replace_file(kept, as_bytes(text)));
      CHECK(ids(look()) == std::vector{id(1)});
      CHECK(gets() == 2);
      CHECK(as_text(*read_file(kept, 1000)) == content);
    }
  }
  SUBCASE("records that end early are not believed, whoever wrote them") {
    for (std::size_t size = 17; size < content.size(); ++size) {
      const std::string cut = content.substr(16, size - 16);
      REQUIRE(replace_file(kept, as_bytes(cache_check(*repository, "forgotten-read" + cut) + cut)));
      CHECK(ids(look()) == std::vector{id(1)});
    }
  }
  SUBCASE("one without a signature is looked at each time, one of a later version told each time") {
    Forgotten unsigned_one;
    unsigned_one.snapshots = {id(1)};
    REQUIRE(repository->put_body(ObjectKind::forgotten,
                                 names::random_name(names::kForgotten, repository->random_id()),
                                 encode(unsigned_one)));
    for (int i = 0; i < 2; ++i) {
      CHECK(look().damaged_logs.size() == 1);
      CHECK(gets() == 1);
    }
    REQUIRE(repository->put_signed(ObjectKind::forgotten,
                                   names::random_name(names::kForgotten, repository->random_id()),
                                   encode(unsigned_one) + "\x78\x01"));  // field 15
    for (const std::size_t fetched : {2U, 1U}) {
      const SnapshotList list = look();
      CHECK(list.snapshots.empty());
      CHECK(list.damaged_logs.size() == 2);
      CHECK(gets() == fetched);
    }
  }
}

TEST_CASE("a fenced snapshot is unverified until its mark is there") {
  const TestRepository repository;
  put(repository, snapshot_of(1, 100));
  put(repository, snapshot_of(2, 200));
  const Mark mark{id(2), 0, "attic", "lagan", false};
  REQUIRE(repository->put_body(ObjectKind::fence, names::fence(id(2)), encode(mark)));
  auto list = list_snapshots(*repository);
  REQUIRE(list);
  CHECK(list->snapshots[0].verified);
  CHECK_FALSE(list->snapshots[1].verified);
  REQUIRE(repository->put_body(ObjectKind::verified, names::verified(id(2)), encode(mark)));
  list = list_snapshots(*repository);
  REQUIRE(list);
  REQUIRE(list->snapshots.size() == 2);
  CHECK(list->snapshots[1].verified);
}

TEST_CASE("what cannot be read is told and does not hide the rest") {
  const TestRepository repository;
  put(repository, snapshot_of(1, 100));
  put(repository, snapshot_of(2, 200));
  SUBCASE("a damaged snapshot") { repository.damage(names::snapshot(id(2)).text(), 300); }
  SUBCASE("a snapshot under another one's name") {
    Snapshot other = snapshot_of(3, 300);
    REQUIRE(repository.storage->remove(names::snapshot(id(2))));
    REQUIRE(repository->put_body(ObjectKind::snapshot, names::snapshot(id(2)), encode(other)));
  }
  const auto list = list_snapshots(*repository);
  REQUIRE(list);
  CHECK(ids(*list) == std::vector{id(1)});
  REQUIRE(list->damaged.size() == 1);
  CHECK(list->damaged[0].find(id(2).hex()) != std::string::npos);
}

TEST_CASE("a forgotten object that is damaged or unsigned hides nothing") {
  const TestRepository repository;
  put(repository, snapshot_of(1, 100));
  Forgotten forgotten;
  forgotten.snapshots = {id(1)};
  const ObjectName name = names::random_name(names::kForgotten, repository->random_id());
  SUBCASE("unsigned") {
    REQUIRE(repository->put_body(ObjectKind::forgotten, name, encode(forgotten)));
  }
  SUBCASE("damaged") {
    REQUIRE(repository->put_signed(ObjectKind::forgotten, name, encode(forgotten)));
    repository.damage(name.text(), 300);
  }
  const auto list = list_snapshots(*repository);
  REQUIRE(list);
  CHECK(list->snapshots.size() == 1);
  CHECK(list->damaged.size() == 1);
}

TEST_CASE("a storage that is away is an error, not an empty list") {
  const TestRepository repository;
  put(repository, snapshot_of(1, 100));
  for (const char* call :
       {"list snapshots/", "list fences/", "list forgotten/", "get snapshots/"}) {
    CAPTURE(call);
    repository.storage->before = [&](const std::string& made) -> Result<void> {
      if (made.starts_with(call)) return fail(ErrorCode::unavailable, "away");
      return {};
    };
    CHECK_FALSE(list_snapshots(*repository));
  }
}

TEST_CASE("filters choose by host, tags and paths") {
  const Snapshot snapshot = snapshot_of(1, 100, "attic", {"a", "b"}, {"/etc", "/home"});
  CHECK(matches({}, snapshot));
  CHECK(matches({.hosts = {"cellar", "attic"}, .tag_lists = {}, .paths = {}}, snapshot));
  CHECK_FALSE(matches({.hosts = {"cellar"}, .tag_lists = {}, .paths = {}}, snapshot));
  CHECK(matches({.hosts = {}, .tag_lists = {{"a"}}, .paths = {}}, snapshot));
  CHECK(matches({.hosts = {}, .tag_lists = {{"a", "b"}}, .paths = {}}, snapshot));
  CHECK_FALSE(matches({.hosts = {}, .tag_lists = {{"a", "c"}}, .paths = {}}, snapshot));
  CHECK(matches({.hosts = {}, .tag_lists = {{"a", "c"}, {"b"}}, .paths = {}}, snapshot));
  CHECK_FALSE(matches({.hosts = {}, .tag_lists = {{""}}, .paths = {}}, snapshot));
  CHECK(matches({.hosts = {}, .tag_lists = {{""}}, .paths = {}}, snapshot_of(1, 1)));
  CHECK(matches({.hosts = {}, .tag_lists = {}, .paths = {"/home"}}, snapshot));
  CHECK(matches({.hosts = {}, .tag_lists = {}, .paths = {"/home", "/etc"}}, snapshot));
  CHECK_FALSE(matches({.hosts = {}, .tag_lists = {}, .paths = {"/home", "/usr"}}, snapshot));
  CHECK_FALSE(matches({.hosts = {}, .tag_lists = {}, .paths = {"/hom"}}, snapshot));
}

TEST_CASE("a snapshot of the future is the latest only where there is no other") {
  const TestRepository repository;
  const Nanoseconds now = system_now(), day = Nanoseconds{86'400} * 1'000'000'000;
  put(repository, snapshot_of(0x30, now + 30 * day, "attic"));
  put(repository, snapshot_of(0x40, now + 40 * day, "attic"));
  const auto only = list_snapshots(*repository);
  REQUIRE(only);
  CHECK(find_snapshot(*only, "latest", {})->id == id(0x40));
  put(repository, snapshot_of(0x10, now - day, "attic"));
  put(repository, snapshot_of(0x20, now + day / 2, "attic"));  // clocks differ
  const auto list = list_snapshots(*repository);
  REQUIRE(list);
  CHECK(find_snapshot(*list, "latest", {})->id == id(0x20));
  CHECK(find_snapshot(*list, "latest~1", {})->id == id(0x10));
  CHECK_FALSE(find_snapshot(*list, "latest~2", {}));
}

TEST_CASE("latest counts back from the newest that fits the filter") {
  const TestRepository repository;
  put(repository, snapshot_of(0x10, 100, "attic"));
  put(repository, snapshot_of(0x20, 200, "cellar"));
  put(repository, snapshot_of(0x30, 300, "attic"));
  const auto list = list_snapshots(*repository);
  REQUIRE(list);
  const auto found = [&](std::string_view wanted, const SnapshotFilter& filter = {}) {
    const auto snapshot = find_snapshot(*list, wanted, filter);
    return snapshot ? std::optional(snapshot->id) : std::nullopt;
  };
  CHECK(found("latest") == id(0x30));
  CHECK(found("latest~0") == id(0x30));
  CHECK(found("latest~1") == id(0x20));
  CHECK(found("latest~2") == id(0x10));
  CHECK_FALSE(found("latest~3"));
  CHECK_FALSE(found("latest~99999999999999999999999"));
  CHECK_FALSE(found("latest~"));
  CHECK_FALSE(found("latest~-1"));
  CHECK_FALSE(found("latest~1x"));
  CHECK_FALSE(found("latest1"));
  const SnapshotFilter attic{.hosts = {"attic"}, .tag_lists = {}, .paths = {}};
  CHECK(found("latest", attic) == id(0x30));
  CHECK(found("latest~1", attic) == id(0x10));
  CHECK_FALSE(found("latest", {.hosts = {"roof"}, .tag_lists = {}, .paths = {}}));
}

TEST_CASE("an id may be shortened as long as it fits one snapshot only") {
  const TestRepository repository;
  put(repository, snapshot_of(0x10, 100));
  put(repository, snapshot_of(0x1f, 200));
  const auto list = list_snapshots(*repository);
  REQUIRE(list);
  CHECK(find_snapshot(*list, "10", {})->id == id(0x10));
  CHECK(find_snapshot(*list, id(0x1f).hex(), {})->id == id(0x1f));
  const auto ambiguous = find_snapshot(*list, "1", {});
  REQUIRE_FALSE(ambiguous);
  CHECK(ambiguous.error().code == ErrorCode::invalid_argument);
  CHECK(find_snapshot(*list, "2", {}).error().code == ErrorCode::not_found);
  CHECK(find_snapshot(*list, "", {}).error().code == ErrorCode::not_found);
  CHECK(find_snapshot({}, "latest", {}).error().code == ErrorCode::not_found);
}

TEST_CASE("an id and a path are parted at the first colon") {
  using Parts = std::pair<std::string, std::string>;
  CHECK(split_snapshot_path("latest") == Parts("latest", ""));
  CHECK(split_snapshot_path("1234:/home/ann") == Parts("1234", "/home/ann"));
  CHECK(split_snapshot_path("latest:a:b") == Parts("latest", "a:b"));
  CHECK(split_snapshot_path("latest:") == Parts("latest", ""));
}

}  // namespace
}  // namespace lagan
