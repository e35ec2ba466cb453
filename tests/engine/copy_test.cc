// SPDX-License-Identifier: Apache-2.0
#include "src/engine/copy.h"

#include <doctest/doctest.h>

#include <numeric>

#include "repo/limits.h"
#include "src/engine/check.h"
#include "src/engine/forget.h"
#include "src/engine/prune.h"
#include "tests/engine/engine_samples.h"

namespace lagan {
namespace {

enum class Kinship { siblings, strangers };

CreateOptions made_for(const Repository& source, Kinship kinship) {
  CreateOptions options;
  if (kinship == Kinship::siblings) options.sibling = &source;
  return options;
}

// A client's repository, and one to copy to.
struct Pair {
  TestClient client;
  TestRepository to;

  explicit Pair(Kinship kinship) : to({}, made_for(*client.repository, kinship)) {}

  struct Done {
    Result<CopyResult> result;
    std::vector<SnapshotId> copies;
    std::vector<std::string> troubles;
  };
  Done try_copy(CopyOptions options = {}) {
    const auto list = list_snapshots(*client.repository);
    REQUIRE(list);
    options.host = "attic";
    options.threads = 2;
    if (options.writer.data_pack_bytes == 0) options.writer = small_packs();
    CollectingObserver observer;
    std::vector<SnapshotId> copies;
    auto result = copy_snapshots(
        *client.repository, *to, list->snapshots, options, observer,
        [&](const StoredSnapshot&, CopyOutcome, const std::optional<SnapshotId>& there) {
          if (there) copies.push_back(*there);
        });
    return {std::move(result), copies, observer.troubles()};
  }
  std::vector<SnapshotId> copy_well() {
    Done done = try_copy();
    REQUIRE_MESSAGE(done.result, done.result.error().message);
    CHECK_MESSAGE(done.troubles.empty(), done.troubles.front());
    return done.copies;
  }

  Snapshot load(const SnapshotId& copy) {
    const auto list = list_snapshots(*to);
    REQUIRE(list);
    const auto found = find_snapshot(*list, copy.hex(), {});
    REQUIRE(found);
    return found->snapshot;
  }

  // The copy restores to this state of the source.
  void check_restores(const SnapshotId& copy, const std::map<std::string, std::string>& state) {
    LocalIndex index = to.empty_index();
    REQUIRE(load_index_to_read(*to, index));
    RestoreOptions with;
    with.target = client.work("restored");
    with.path_in_snapshot = client.source();
    with.threads = 2;
    CollectingObserver observer;
    const auto restored = restore(*to, index, load(copy), with, observer);
    REQUIRE_MESSAGE(restored, restored.error().message);
    const auto troubles = observer.troubles();
    CHECK_MESSAGE(troubles.empty(), troubles.front());
    CHECK(difference(state, describe_tree(with.target)) == "");
    remove_tree(with.target);
  }

  // What `check --read-data` calls an error.
  void check_destination() {
    CollectingObserver observer;
    CheckOptions options;
    options.read.kind = ReadSubset::Kind::all;
    const auto checked = check(*to, options, observer, [](const Finding& finding) {
      if (finding.severity == Severity::error) FAIL_CHECK(finding.where << ": " << finding.what);
    });
    REQUIRE_MESSAGE(checked, checked.error().message);
    CHECK(checked->errors == 0);
  }

  std::uint64_t pack_bytes() const {
    std::uint64_t bytes = 0;
    for (const char* kind : {"data/", "tree/"}) {
      for (const std::string& name : to.names(kind)) bytes += to.size_of(name);
    }
    return bytes;
  }

  void condemn_everything() {
    LocalIndex index = to.empty_index();
    REQUIRE(load_index(*to, index));
    Condemned log;
    REQUIRE(index.for_each_pack([&](const LocalIndex::PackSummary& pack) -> Result<void> {
      (pack.kind == ObjectKind::data_pack ? log.data_packs : log.tree_packs).push_back(pack.name);
      return {};
    }));
    REQUIRE(to->put_signed(ObjectKind::condemned,
                           names::random_name(names::kCondemned, to->random_id()), encode(log)));
  }
};

void write_noise(const std::string& path, std::size_t size, std::uint64_t seed) {
  write_file(path, as_text(random_content(size, seed).span()));
}

TEST_CASE("copies restore to the same trees, and a second run finds them there") {
  Kinship kinship = Kinship::siblings;
  SUBCASE("siblings") {}
  SUBCASE("strangers") { kinship = Kinship::strangers; }
  Pair pair(kinship);
  make_odd_tree(pair.client.source());
  // Lists of several levels and folders of several nodes.
  write_noise(pair.client / "many slices", 20'000'000, 7);
  REQUIRE(::mkdir((pair.client / "many").c_str(), 0755) == 0);
  for (int i = 0; i < 700; ++i)
    write_file(pair.client / ("many/" + std::to_string(i)), std::to_string(i));
  pair.client.let_settle();
  const SnapshotId first = *pair.client.back_up_well().result.snapshot;
  const auto first_state = describe_tree(pair.client.source());
  REQUIRE(::unlink((pair.client / "text").c_str()) == 0);
  write_noise(pair.client / "new", 300'000, 8);
  pair.client.let_settle();
  const SnapshotId second = *pair.client.back_up_well().result.snapshot;
  const auto second_state = describe_tree(pair.client.source());

  const auto copies = pair.copy_well();
  REQUIRE(copies.size() == 2);
  pair.check_restores(copies[0], first_state);
  pair.check_restores(copies[1], second_state);
  pair.check_destination();
  const Snapshot original = pair.client.load(second), copy = pair.load(copies[1]);
  CHECK(copy.original == second);
  CHECK(copy.parents.empty());
  CHECK(copy.time == original.time);
  CHECK(copy.host == original.host);
  CHECK(copy.paths == original.paths);
  CHECK(copy.root.files == original.root.files);
  CHECK(copy.root.dirs == original.root.dirs);
  CHECK(copy.root.content_bytes == original.root.content_bytes);
  CHECK((copy.root.id == original.root.id) == (kinship == Kinship::siblings));

  pair.to.storage->forget_calls();
  const auto again = pair.try_copy();
  REQUIRE(again.result);
  CHECK(again.result->already_there == 2);
  CHECK(again.copies == copies);
  CHECK(pair.to.storage->calls("put").empty());
  (void)first;
}

TEST_CASE("whole blocks are taken over as they were compressed") {
  Kinship kinship = Kinship::siblings;
  SUBCASE("siblings") {}
  SUBCASE("strangers") { kinship = Kinship::strangers; }
  Pair pair(kinship);
  std::string text;
  for (std::uint64_t i = 0; text.size() < 6'000'000; ++i)
    text += "line " + std::to_string(i * 7919) + "\n";
  write_file(pair.client / "text", text);
  pair.client.let_settle();
  pair.client.back_up_well();
  const auto state = describe_tree(pair.client.source());
  CopyOptions options;
  options.writer = small_packs();
  options.writer.compression_level = 0;
  const auto done = pair.try_copy(options);
  REQUIRE_MESSAGE(done.result, done.result.error().message);
  CHECK(pair.pack_bytes() < 3'000'000);
  pair.check_restores(done.copies.at(0), state);
}

TEST_CASE("siblings store nothing twice that was saved in both") {
  Pair pair(Kinship::siblings);
  write_noise(pair.client / "shared", 5'000'000, 1);
  pair.client.let_settle();
  pair.client.back_up_well();
  BackupOptions options = pair.client.options();
  CollectingObserver observer;
  REQUIRE(backup(*pair.to, options, observer));
  const std::uint64_t before = pair.pack_bytes();
  pair.copy_well();
  CHECK(pair.pack_bytes() < before + 20'000);
  CHECK(list_snapshots(*pair.to)->snapshots.size() == 2);
}

TEST_CASE("only what a snapshot needs is copied, though blocks hold more") {
  Kinship kinship = Kinship::siblings;
  SUBCASE("siblings") {}
  SUBCASE("strangers") { kinship = Kinship::strangers; }
  Pair pair(kinship);
  for (std::uint64_t i = 0; i < 60; ++i)
    write_noise(pair.client / ("f" + std::to_string(i)), 20'000, i);
  pair.client.let_settle();
  const SnapshotId all = *pair.client.back_up_well().result.snapshot;
  for (int i = 0; i < 60; i += 2)
    REQUIRE(::unlink((pair.client / ("f" + std::to_string(i))).c_str()) == 0);
  pair.client.let_settle();
  pair.client.back_up_well();
  const auto state = describe_tree(pair.client.source());
  REQUIRE(forget(*pair.client.repository, {all}, "test"));
  const auto copies = pair.copy_well();
  REQUIRE(copies.size() == 1);
  pair.check_restores(copies[0], state);
  CHECK(pair.pack_bytes() < 700'000);
  CHECK(pair.pack_bytes() > 600'000);
}

TEST_CASE("a run that was interrupted goes on where it was") {
  Kinship kinship = Kinship::siblings;
  SUBCASE("siblings") {}
  SUBCASE("strangers") { kinship = Kinship::strangers; }
  Pair pair(kinship);
  write_noise(pair.client / "large", 40'000'000, 1);
  pair.client.let_settle();
  pair.client.back_up_well();
  const auto state = describe_tree(pair.client.source());
  std::atomic<int> packs = 0;
  pair.to.storage->before = [&](const std::string& call) -> Result<void> {
    if (!call.starts_with("put data/") || ++packs < 8) return {};
    return fail(ErrorCode::no_space, "the disk is full");
  };
  const auto interrupted = pair.try_copy();
  REQUIRE_FALSE(interrupted.result);
  CHECK(interrupted.result.error().code == ErrorCode::no_space);
  CHECK(list_snapshots(*pair.to)->snapshots.empty());

  pair.to.storage->before = nullptr;
  const std::uint64_t before = pair.pack_bytes();
  CHECK(before > 16'000'000);
  const auto copies = pair.copy_well();
  REQUIRE(copies.size() == 1);
  // What no segment listed yet is stored again: up to 8 MiB, and packs beside it.
  CHECK(pair.pack_bytes() - before < 40'000'000 - before + 13'000'000);
  pair.check_restores(copies[0], state);
  pair.check_destination();
}

TEST_CASE("a snapshot that cannot be read is told and left out, others are copied") {
  Kinship kinship = Kinship::siblings;
  SUBCASE("siblings") {}
  SUBCASE("strangers") { kinship = Kinship::strangers; }
  Pair pair(kinship);
  write_noise(pair.client / "sound", 500'000, 1);
  pair.client.let_settle();
  const SnapshotId sound = *pair.client.back_up_well().result.snapshot;
  const auto state = describe_tree(pair.client.source());
  const auto sound_packs = pair.client.repository.names("data/");
  write_noise(pair.client / "damaged", 500'000, 2);
  pair.client.let_settle();
  const SnapshotId damaged = *pair.client.back_up_well().result.snapshot;
  for (const std::string& name : pair.client.repository.names("data/")) {
    if (std::ranges::find(sound_packs, name) == sound_packs.end())
      pair.client.repository.damage(name, 1000);
  }
  const auto done = pair.try_copy();
  REQUIRE_MESSAGE(done.result, done.result.error().message);
  CHECK(done.result->copied == 1);
  CHECK(done.result->unreadable == 1);
  REQUIRE(done.troubles.size() == 1);
  CHECK(done.troubles[0].starts_with("snapshot " + damaged.short_hex() + ": pack "));
  REQUIRE(done.copies.size() == 1);
  CHECK(pair.load(done.copies[0]).original == sound);
  pair.check_restores(done.copies[0], state);
  pair.check_destination();
}

TEST_CASE("what a collector of the source moves meanwhile is found again") {
  Kinship kinship = Kinship::siblings;
  SUBCASE("siblings") {}
  SUBCASE("strangers") { kinship = Kinship::strangers; }
  Pair pair(kinship);
  for (std::uint64_t i = 0; i < 40; ++i)
    write_noise(pair.client / ("f" + std::to_string(i)), 20'000, i);
  pair.client.let_settle();
  const SnapshotId all = *pair.client.back_up_well().result.snapshot;
  for (int i = 0; i < 40; i += 2)
    REQUIRE(::unlink((pair.client / ("f" + std::to_string(i))).c_str()) == 0);
  pair.client.let_settle();
  pair.client.back_up_well();
  const auto state = describe_tree(pair.client.source());
  REQUIRE(forget(*pair.client.repository, {all}, "test"));
  const auto before = pair.client.repository.names("data/");
  PruneOptions options;
  options.undelete_window = 0;
  options.limits.unused_share = 0;
  std::atomic<bool> has_pruned = false;
  pair.client.repository.storage->before = [&](const std::string& call) -> Result<void> {
    if (!call.starts_with("get data/") || has_pruned.exchange(true)) return {};
    CollectingObserver observer;
    for (int run = 0; run < 2; ++run) TRY(prune(*pair.client.repository, options, observer));
    return {};
  };
  const auto copies = pair.copy_well();
  pair.client.repository.storage->before = nullptr;
  for (const std::string& name : pair.client.repository.names("data/"))
    CHECK(std::ranges::find(before, name) == before.end());
  REQUIRE(copies.size() == 1);
  pair.check_restores(copies[0], state);
}

TEST_CASE("folders may nest as deep as a backup saves them") {
  Pair pair(Kinship::strangers);
  const SnapshotId deep = store_deep_snapshot(pair.client.repository, limits::kPathDepth - 1);
  const auto copies = pair.copy_well();
  REQUIRE(copies.size() == 1);
  CHECK(pair.load(copies[0]).original == deep);
  CHECK(count_endangered(pair.to, pair.load(copies[0])) == 0);
}

TEST_CASE("a dry run says what would be copied and writes nothing") {
  Pair pair(Kinship::siblings);
  write_noise(pair.client / "file", 500'000, 1);
  pair.client.let_settle();
  pair.client.back_up_well();
  CopyOptions options;
  options.dry_run = true;
  const auto done = pair.try_copy(options);
  REQUIRE(done.result);
  CHECK(done.result->copied == 1);
  CHECK(done.result->bytes > 500'000);
  CHECK(pair.to.storage->calls("put").empty());
}

TEST_CASE("a repository is not copied into itself") {
  TestClient client;
  CollectingObserver observer;
  const auto done =
      copy_snapshots(*client.repository, *client.repository, {}, {}, observer,
                     [](const StoredSnapshot&, CopyOutcome, const std::optional<SnapshotId>&) {});
  REQUIRE_FALSE(done);
  CHECK(done.error().code == ErrorCode::invalid_argument);
}

TEST_CASE("what is condemned between two snapshots is copied once more for the second") {
  Kinship kinship = Kinship::siblings;
  SUBCASE("siblings") {}
  SUBCASE("strangers") { kinship = Kinship::strangers; }
  Pair pair(kinship);
  write_noise(pair.client / "shared", 3'000'000, 1);
  pair.client.let_settle();
  pair.client.back_up_well();
  write_file(pair.client / "more", "more");
  pair.client.let_settle();
  pair.client.back_up_well();
  int sessions = 0;
  pair.to.storage->before = [&](const std::string& call) -> Result<void> {
    if (call.starts_with("put sessions/") && ++sessions == 2) pair.condemn_everything();
    return {};
  };
  const auto copies = pair.copy_well();
  pair.to.storage->before = nullptr;
  REQUIRE(copies.size() == 2);
  CHECK(pair.pack_bytes() > 6'000'000);
  CHECK(count_endangered(pair.to, pair.load(copies[0])) > 0);
  CHECK(count_endangered(pair.to, pair.load(copies[1])) == 0);
  pair.check_restores(copies[1], describe_tree(pair.client.source()));
}

// A source, copied once and the copy forgotten: the next one relies on packs that nobody needs.
struct OnlyForgotten : Pair {
  std::map<std::string, std::string> state;

  explicit OnlyForgotten(Kinship kinship) : Pair(kinship) {
    write_noise(client / "shared", 3'000'000, 1);
    client.let_settle();
    client.back_up_well();
    state = describe_tree(client.source());
    REQUIRE(forget(*to, copy_well(), "test"));
  }

  // Collects just before the snapshot is put.
  void collect_before_commit(const PruneOptions& options) {
    to.storage->before = [this, options](const std::string& call) -> Result<void> {
      if (has_collected || !call.starts_with("put snapshots/")) return {};
      has_collected = true;
      CollectingObserver observer;
      TRY(prune(*to, options, observer));
      return {};
    };
  }
  bool has_collected = false;
};

TEST_CASE("what a running copy relies on is not collected") {
  Kinship kinship = Kinship::siblings;
  SUBCASE("siblings") {}
  SUBCASE("strangers") { kinship = Kinship::strangers; }
  OnlyForgotten pair(kinship);
  PruneOptions at_once;
  at_once.undelete_window = 0;
  pair.collect_before_commit(at_once);
  const auto copies = pair.copy_well();
  CHECK(pair.has_collected);
  pair.to.storage->before = nullptr;
  REQUIRE(copies.size() == 1);
  CollectingObserver observer;
  for (int i = 0; i < 3; ++i) REQUIRE(prune(*pair.to, at_once, observer));
  pair.check_restores(copies[0], pair.state);
  pair.check_destination();
}

TEST_CASE("a copy that was fenced and whose packs are gone is made again by the next run") {
  OnlyForgotten pair(Kinship::siblings);
  PruneOptions impatient;
  impatient.undelete_window = 0;
  impatient.fence_after = 0;
  pair.collect_before_commit(impatient);
  const auto done = pair.try_copy();
  CHECK(pair.has_collected);
  pair.to.storage->before = nullptr;
  CHECK_FALSE(done.result);
  const auto copies = pair.copy_well();
  REQUIRE(copies.size() == 1);
  pair.check_restores(copies[0], pair.state);
}

}  // namespace
}  // namespace lagan
