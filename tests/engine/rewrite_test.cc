// SPDX-License-Identifier: Apache-2.0
#include "src/engine/rewrite.h"

#include <doctest/doctest.h>

#include "repo/chunk_reader.h"
#include "repo/derived_keys.h"
#include "repo/limits.h"
#include "repo/machine.h"
#include "repo/session.h"
#include "src/engine/forget.h"
#include "src/engine/tree_rewriter.h"
#include "tests/engine/engine_samples.h"
#include "tests/engine/memory_tree.h"

namespace lagan {
namespace {

RewriteOptions without(const std::vector<std::string>& patterns) {
  RewriteOptions options;
  for (const std::string& pattern : patterns) options.excludes.push_back({pattern});
  options.writer = small_packs();
  return options;
}

RewriteOptions only(const std::vector<PatternFlag>& patterns) {
  RewriteOptions options = without({});
  options.includes = *read_pattern_flags(patterns, "include");
  return options;
}

struct RewrittenOne {
  std::optional<RewrittenSnapshot> done;  // nothing: it stays as it was
  std::vector<std::string> items;
};

Result<RewrittenOne> try_rewrite(const TestRepository& repository, const SnapshotId& id,
                                 const RewriteOptions& options) {
  const auto list = list_snapshots(*repository);
  REQUIRE(list);
  const auto old = find_snapshot(*list, id.hex(), {});
  REQUIRE(old);
  CollectingObserver observer;
  RewrittenOne one;
  const auto changed =
      TRY(rewrite_snapshots(*repository, *list, {*old}, options, observer,
                            [&](const StoredSnapshot& stored, const RewrittenSnapshot& done) {
                              CHECK(stored.id == id);
                              one.done = done;
                            }));
  CHECK(changed == (one.done ? 1 : 0));
  one.items = observer.items();
  return one;
}

RewrittenOne rewrite_well(const TestRepository& repository, const SnapshotId& id,
                          const RewriteOptions& options) {
  const auto one = try_rewrite(repository, id, options);
  REQUIRE_MESSAGE(one, one.error().message);
  return *one;
}

// The id of the new snapshot.
SnapshotId rewrite_to(const TestRepository& repository, const SnapshotId& id,
                      const RewriteOptions& options) {
  const RewrittenOne one = rewrite_well(repository, id, options);
  REQUIRE(one.done);
  REQUIRE(one.done->snapshot);
  return *one.done->snapshot;
}

// A folder that is as it was, one of which something goes, and one that goes.
void make_sample(const TestClient& client) {
  make_odd_tree(client.source());
  for (const char* folder : {"kept", "mixed", "mixed/deep", "private"})
    REQUIRE(::mkdir((client / folder).c_str(), 0755) == 0);
  write_file(client / "kept/file", "kept");
  write_file(client / "mixed/secret.key", std::string(1000, 's'));
  write_file(client / "mixed/plain", "plain");
  write_file(client / "mixed/deep/secret.key", "deep");
  write_file(client / "private/letter", std::string(5000, 'l'));
  client.let_settle();
}

TEST_CASE("a rewritten snapshot is the one that a backup with the same excludes makes") {
  TestClient client;
  make_sample(client);
  const SnapshotId old = *client.back_up_well().result.snapshot;
  const Snapshot before = client.load(old);
  const auto state = describe_tree(client.source());
  const RewrittenOne one = rewrite_well(client.repository, old, without({"*.key", "private"}));
  REQUIRE(one.done);
  REQUIRE(one.done->snapshot);
  CHECK(one.items == std::vector<std::string>{"removed " + client / "mixed/deep/secret.key",
                                              "removed " + client / "mixed/secret.key",
                                              "removed " + client / "private/"});
  CHECK(one.done->removed.files == 3);
  CHECK(one.done->removed.dirs == 1);
  CHECK(one.done->removed.content_bytes == 6004);

  const Snapshot after = client.load(*one.done->snapshot);
  CHECK(after.original == old);
  CHECK(after.excludes == std::vector<std::string>{"*.key", "private"});
  CHECK(after.root.files == before.root.files - 3);
  CHECK(after.root.dirs == before.root.dirs - 1);
  CHECK(after.root.content_bytes == before.root.content_bytes - 6004);
  BackupOptions options = client.options();
  options.filter.patterns = {{"*.key"}, {"private"}};
  CHECK(client.back_up(options).result.root.id == after.root.id);

  auto expected = state;
  for (const char* gone :
       {"/mixed/secret.key", "/mixed/deep/secret.key", "/private", "/private/letter"})
    REQUIRE(expected.erase(gone) == 1);
  const std::string target = client.work("restored");
  const Restored restored = client.restore_source(*one.done->snapshot, target);
  CHECK_MESSAGE(restored.troubles.empty(), restored.troubles.front());
  CHECK(difference(expected, describe_tree(target)) == "");
  remove_tree(target);
  // The old one stays as it was.
  const Restored untouched = client.restore_source(old, target);
  CHECK(untouched.troubles.empty());
  CHECK(difference(state, describe_tree(target)) == "");
  remove_tree(target);
}

TEST_CASE("where nothing matches, and in a dry run, nothing is written") {
  TestClient client;
  make_sample(client);
  const SnapshotId old = *client.back_up_well().result.snapshot;
  client.repository.storage->forget_calls();
  RewriteOptions options = without({"nothing has this name", "/elsewhere/*"});
  SUBCASE("nothing matches") {
    const RewrittenOne one = rewrite_well(client.repository, old, options);
    CHECK_FALSE(one.done);
    CHECK(one.items.empty());
  }
  SUBCASE("nothing would be left") {
    CHECK_FALSE(rewrite_well(client.repository, old, without({"*"})).done);
    CHECK_FALSE(rewrite_well(client.repository, old, only({{"/elsewhere"}})).done);
  }
  SUBCASE("the host is what it was") {
    options = without({});
    options.host = "attic";
    CHECK_FALSE(rewrite_well(client.repository, old, options).done);
  }
  SUBCASE("a dry run") {
    options = without({"private"});
    options.dry_run = true;
    const RewrittenOne one = rewrite_well(client.repository, old, options);
    REQUIRE(one.done);
    CHECK_FALSE(one.done->snapshot);
    CHECK(one.items == std::vector<std::string>{"removed " + client / "private/"});
  }
  CHECK(client.repository.storage->calls("put").empty());
}

TEST_CASE("only folders in which something may match are read") {
  MemoryTree tree;
  const Snapshot snapshot =
      tree.snapshot({tree.folder("a", {file_entry("gone", "1"), file_entry("stays", "2")}),
                     tree.folder("b", {file_entry("gone", "3")})});
  const auto reads_for = [&](const std::string& pattern) {
    FilterOptions options;
    options.patterns = {{pattern}};
    const RewriteFilter filter{*Filter::create(options), {}};
    TreeRewriter rewriter(
        filter, PrfKey{}, tree.source, tree.chunks.sink(), [] { return false; }, nullptr);
    tree.chunks.gets = 0;
    REQUIRE(rewriter.rewrite(snapshot.root));
    return std::pair(tree.chunks.gets, rewriter.removed().files);
  };
  // What changes is read once more to be written.
  CHECK(reads_for("/a/gone") == std::pair<std::size_t, std::uint64_t>{4, 1});
  CHECK(reads_for("/c") == std::pair<std::size_t, std::uint64_t>{1, 0});
  CHECK(reads_for("nothing") == std::pair<std::size_t, std::uint64_t>{3, 0});
  CHECK(reads_for("gone") == std::pair<std::size_t, std::uint64_t>{6, 2});
}

TEST_CASE("an include leaves what matches and the folders that lead there") {
  TestClient client;
  make_sample(client);
  const SnapshotId old = *client.back_up_well().result.snapshot;
  const SnapshotId id = rewrite_to(client.repository, old, only({{"deep"}, {"letter"}}));
  const std::string target = client.work("restored");
  REQUIRE(client.restore_source(id, target).troubles.empty());
  const auto found = describe_tree(target);
  std::vector<std::string> paths;
  for (const auto& [path, what] : found) paths.push_back(path);
  CHECK(paths == std::vector<std::string>{"", "/mixed", "/mixed/deep", "/mixed/deep/secret.key",
                                          "/private", "/private/letter"});
  CHECK(client.load(id).root.files == 2);
  remove_tree(target);
}

TEST_CASE("host, time and tags can be changed without touching a tree") {
  TestClient client;
  write_file(client / "file", "content");
  const SnapshotId old = *client.back_up_well().result.snapshot;
  const Snapshot before = client.load(old);
  RewriteOptions options = without({});
  options.host = "cellar";
  options.time = Nanoseconds{1'700'000'000} * 1'000'000'000;
  const Snapshot after = client.load(rewrite_to(client.repository, old, options));
  CHECK(after.host == "cellar");
  CHECK(after.time == options.time);
  CHECK(after.utc_offset_minutes == utc_offset_minutes(after.time));
  CHECK(after.tags == std::vector<std::string>{"rewrite"});
  CHECK(after.root.id == before.root.id);
  CHECK(after.paths == before.paths);
}

// A folder `d` of `gone` and `stays`, whose entry a later version has written.
SnapshotId store_later_version(const TestRepository& repository, const std::string& d_unknown,
                               const std::string& node_unknown) {
  LocalIndex index = repository.empty_index();
  auto session = WriterSession::begin(*repository, index, Purpose::backup, "attic");
  REQUIRE(session);
  Snapshot snapshot;
  {
    ChunkWriter writer(*repository, index, (*session)->id(), small_packs());
    Entry file = samples::usual_entry("gone");
    file.slices.clear();
    file.size = 0;
    const std::string gone = encode(file);
    file.name = "stays";
    file.unknown = d_unknown;
    const std::string stays = encode(file);
    // By hand, for no builder writes fields it does not know.
    std::string node;
    for (const std::string& entry : {gone, stays}) {
      node += '\x0a';
      for (std::size_t size = entry.size(); true; size >>= 7) {
        node += static_cast<char>(size > 0x7f ? (size & 0x7f) | 0x80 : size);
        if (size <= 0x7f) break;
      }
      node += entry;
    }
    node += node_unknown;
    Entry folder = samples::usual_entry("d");
    folder.kind = EntryKind::directory;
    folder.size = 0;
    folder.slices.clear();
    folder.list.reset();
    folder.unknown = d_unknown;
    folder.subtree = {*writer.store_tree(ChunkKind::directory, as_bytes(node)), 2, 0, 0};
    DirectoryBuilder root(split_key(*repository), writer.tree_sink());
    REQUIRE(root.add("d", encode(folder)));
    snapshot.root = {*root.finish(), 2, 1, 0};
    snapshot.session = (*session)->id();
    REQUIRE(writer.flush());
  }
  REQUIRE((*session)->commit(snapshot));
  return (*session)->id();
}

const std::string kLaterField("\xc2\x0c\x05later");  // field 200

TEST_CASE("what a later version wrote into entries survives byte for byte") {
  const TestRepository repository;
  const SnapshotId old = store_later_version(repository, kLaterField, "");
  const SnapshotId id = rewrite_to(repository, old, without({"gone"}));

  LocalIndex index = repository.empty_index();
  REQUIRE(load_index_to_read(*repository, index));
  ChunkReader reader(*repository, index);
  const auto list = list_snapshots(*repository);
  const auto old_stored = find_snapshot(*list, old.hex(), {});
  const auto stored = find_snapshot(*list, id.hex(), {});
  REQUIRE(stored);
  const auto folder = find_entry(reader.source(), *stored->snapshot.root.id, "d");
  REQUIRE(folder);
  REQUIRE(*folder);
  const auto old_folder = find_entry(reader.source(), *old_stored->snapshot.root.id, "d");
  Entry expected = **old_folder;
  expected.subtree = (*folder)->subtree;
  CHECK(encode(**folder) == encode(expected));
  CHECK((*folder)->unknown == kLaterField);
  CHECK((*folder)->subtree.files == 1);
  const auto stays = find_entry(reader.source(), *(*folder)->subtree.id, "stays");
  REQUIRE(stays);
  REQUIRE(*stays);
  CHECK((*stays)->unknown == kLaterField);
  CHECK_FALSE(*find_entry(reader.source(), *(*folder)->subtree.id, "gone"));
}

TEST_CASE("a folder that would lose what a later version wrote is not rewritten") {
  const TestRepository repository;
  const SnapshotId old = store_later_version(repository, "", kLaterField);
  const auto result = try_rewrite(repository, old, without({"gone"}));
  REQUIRE_FALSE(result);
  CHECK(result.error().code == ErrorCode::unsupported);
  CHECK(repository.names("snapshots/").size() == 1);
}

TEST_CASE("folders that nest deep are rewritten, deeper ones than a backup saves are refused") {
  const TestRepository repository;
  const SnapshotId deep = store_deep_snapshot(repository, limits::kPathDepth - 1);
  const RewrittenSnapshot done = *rewrite_well(repository, deep, without({"gone"})).done;
  CHECK(done.removed.files == 1);
  REQUIRE(done.snapshot);
  const SnapshotId too_deep = store_deep_snapshot(repository, limits::kPathDepth + 1);
  const auto refused = try_rewrite(repository, too_deep, without({"/d/elsewhere", "gone"}));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::corrupt);
}

TEST_CASE("what is taken over from condemned packs is stored again") {
  TestClient client;
  make_sample(client);
  const SnapshotId old = *client.back_up_well().result.snapshot;
  LocalIndex index = client.repository.empty_index();
  REQUIRE(load_index_to_read(*client.repository, index));
  Condemned log;
  REQUIRE(index.for_each_pack([&](const LocalIndex::PackSummary& pack) -> Result<void> {
    (pack.kind == ObjectKind::data_pack ? log.data_packs : log.tree_packs).push_back(pack.name);
    return {};
  }));
  const Repository& repository = *client.repository;
  REQUIRE(repository.put_signed(ObjectKind::condemned,
                                names::random_name(names::kCondemned, repository.random_id()),
                                encode(log)));
  const SnapshotId id = rewrite_to(client.repository, old, without({"private"}));

  CHECK(count_endangered(client.repository, client.load(old)) > 0);
  CHECK(count_endangered(client.repository, client.load(id)) == 0);
}

TEST_CASE("what is taken back below a folder that goes stays, as in a backup") {
  TestClient client;
  make_sample(client);
  const SnapshotId old = *client.back_up_well().result.snapshot;
  for (const std::vector<std::string>& patterns : {std::vector<std::string>{"mixed", "!plain"},
                                                   {"private", "mixed", "!mixed/deep"},
                                                   {"mixed/*", "!*.key"},
                                                   {"mixed/", "!nothing"}}) {
    const Snapshot after = client.load(rewrite_to(client.repository, old, without(patterns)));
    BackupOptions options = client.options();
    for (const std::string& pattern : patterns) options.filter.patterns.push_back({pattern});
    CHECK(client.back_up(options).result.root.id == after.root.id);
  }
}

TEST_CASE("the old one is forgotten, can be brought back, and is not put in place twice") {
  TestClient client;
  make_sample(client);
  const SnapshotId old = *client.back_up_well().result.snapshot;
  RewriteOptions options = without({"private"});
  options.forget = true;
  client.repository.storage->before = [](const std::string& call) -> Result<void> {
    if (!call.starts_with("put forgotten/")) return {};
    return fail(ErrorCode::no_space, "the disk is full");
  };
  CHECK_FALSE(try_rewrite(client.repository, old, options));
  client.repository.storage->before = nullptr;
  CHECK(client.repository.names("snapshots/").size() == 2);

  const SnapshotId again = rewrite_to(client.repository, old, options);
  CHECK(client.repository.names("snapshots/").size() == 2);
  const auto list = list_snapshots(*client.repository);
  REQUIRE(list);
  REQUIRE(list->snapshots.size() == 1);
  CHECK(list->snapshots[0].id == again);
  CHECK(list->snapshots[0].snapshot.tags.empty());
  const auto forgotten = list_forgotten(*client.repository);
  REQUIRE(forgotten);
  REQUIRE(forgotten->snapshots.size() == 1);
  CHECK(forgotten->snapshots[0].id == old);
}

TEST_CASE("whichever write fails, the old snapshot stays and restores") {
  TestClient client;
  make_sample(client);
  const SnapshotId old = *client.back_up_well().result.snapshot;
  const auto state = describe_tree(client.source());
  RewriteOptions options = without({"private"});
  options.forget = true;
  bool is_done = false;
  for (int failing = 1; !is_done; ++failing) {
    REQUIRE(failing < 20);
    int puts = 0;
    client.repository.storage->before = [&](const std::string& call) -> Result<void> {
      if (!call.starts_with("put ") || ++puts < failing) return {};
      return fail(ErrorCode::no_space, "the disk is full");
    };
    is_done = try_rewrite(client.repository, old, options).has_value();
    client.repository.storage->before = nullptr;
    CHECK(list_snapshots(*client.repository)->forgotten.contains(old) == is_done);
    const std::string target = client.work("restored");
    LocalIndex index = client.repository.empty_index();
    REQUIRE(load_index_to_read(*client.repository, index));
    const auto all = list_snapshots(*client.repository, Which::all);
    RestoreOptions with;
    with.target = target;
    with.path_in_snapshot = client.source();
    CollectingObserver observer;
    REQUIRE(restore(*client.repository, index, find_snapshot(*all, old.hex(), {})->snapshot, with,
                    observer));
    CHECK(difference(state, describe_tree(target)) == "");
    remove_tree(target);
  }
}

}  // namespace
}  // namespace lagan
