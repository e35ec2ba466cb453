// SPDX-License-Identifier: Apache-2.0

// What a second run takes over, what it looks at again, and what it then stores.

#include "src/engine/backup.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "tests/engine/engine_samples.h"
#include "util/clock.h"

namespace lagan {
namespace {

TEST_CASE("a second run of an unchanged tree reads no file and stores only a snapshot") {
  TestClient client;
  make_odd_tree(client.source());
  client.let_settle();
  const BackedUp first = client.back_up_well();
  client.repository.storage->forget_calls();
  const BackedUp second = client.back_up_well();
  const Summary& summary = second.result.summary;
  CHECK(summary.files_new == 0);
  CHECK(summary.files_changed == 0);
  CHECK(summary.files_unmodified == first.result.summary.files_new);
  CHECK(summary.dirs_new == 0);
  CHECK(summary.data_added == 0);
  CHECK(second.result.root.id == first.result.root.id);
  CHECK(second.result.parent == first.result.snapshot);
  CHECK(second.notes.empty());
  for (const std::string& item : second.items) CHECK(item.starts_with("unchanged "));

  const auto& storage = *client.repository.storage;
  CHECK(storage.calls("put ").size() == 2);
  CHECK(storage.calls("get ").empty());
  const auto lists = storage.calls("list ");
  CHECK(std::set(lists.begin(), lists.end()).size() == lists.size());
  // docs/format.md, "Cost", counts 7 with the listing of config at opening; W4 asks for more.
  CHECK(storage.calls().size() <= 10);
  CHECK(client.load(*second.result.snapshot).root_record == std::nullopt);
}

TEST_CASE("every run restores what was there when it ran") {
  TestClient client;
  write_file(client / "a", "first a");
  write_file(client / "b", std::string(100'000, 'b'));
  std::vector<SnapshotId> snapshots;
  std::vector<std::map<std::string, std::string>> states;
  const auto save = [&] {
    states.push_back(describe_tree(client.source()));
    snapshots.push_back(*client.back_up_well().result.snapshot);
  };
  save();
  write_file(client / "a", "second a");
  write_file(client / "c", "new");
  save();
  REQUIRE(::unlink((client / "b").c_str()) == 0);
  REQUIRE(::rename((client / "c").c_str(), (client / "d").c_str()) == 0);
  save();
  for (std::size_t i = 0; i < snapshots.size(); ++i) {
    const std::string target = client.work("back" + std::to_string(i));
    client.restore_source(snapshots[i], target);
    CHECK(difference(states[i], describe_tree(target)) == "");
  }
}

TEST_CASE("a file that changed but for its size and its time is read again") {
  TestClient client;
  write_file(client / "a", std::string(5000, '1'));
  set_mtime(client / "a", 1'500'000'000);
  client.let_settle();
  client.back_up_well();
  write_file(client / "a", std::string(5000, '2'));
  set_mtime(client / "a", 1'500'000'000);
  const BackedUp second = client.back_up_well();
  CHECK(second.result.summary.files_changed == 1);
  client.restore_source(*second.result.snapshot, client.work("back"));
  CHECK(read_text(client.work("back/a")) == std::string(5000, '2'));
}

TEST_CASE("a file that was changed a moment before it was read is read again by the next run") {
  TestClient client;
  write_file(client / "settled", "settled");
  write_file(client / "racy", "racy");
  client.let_settle();
  // A whole second just ahead is what a coarse file system may stamp on later changes too.
  set_mtime(client / "racy", system_now() / 1'000'000'000 + 1);
  client.let_settle();
  client.back_up_well();
  const BackedUp second = client.back_up_well();
  CHECK(second.result.summary.files_unmodified == 1);
  CHECK(second.result.summary.files_changed + second.result.summary.files_new == 1);
  CHECK(second.result.summary.data_added == 0);
}

TEST_CASE("files, folders and links that take each other's place are saved as what they are") {
  TestClient client;
  write_file(client / "a", "file");
  REQUIRE(::mkdir((client / "b").c_str(), 0755) == 0);
  write_file(client / "b/inside", "inside");
  REQUIRE(::symlink("a", (client / "c").c_str()) == 0);
  client.let_settle();
  client.back_up_well();
  remove_tree(client / "a");
  remove_tree(client / "b");
  remove_tree(client / "c");
  REQUIRE(::mkdir((client / "a").c_str(), 0755) == 0);
  write_file(client / "a/inside", "now a folder");
  REQUIRE(::symlink("a", (client / "b").c_str()) == 0);
  write_file(client / "c", "now a file");
  const auto state = describe_tree(client.source());
  const BackedUp second = client.back_up_well();
  client.restore_source(*second.result.snapshot, client.work("back"));
  CHECK(difference(state, describe_tree(client.work("back"))) == "");
  // And over the first one's files.
  client.restore_source(*second.result.snapshot, client.work("back"));
  CHECK(difference(state, describe_tree(client.work("back"))) == "");
}

std::string states_file(const TestClient& client) {
  for (const auto& entry : std::filesystem::directory_iterator(client.repository->cache_folder())) {
    if (entry.path().filename().string().starts_with("states-")) return entry.path();
  }
  return "";
}

TEST_CASE("a lost or damaged cache costs time, not correctness") {
  TestClient client;
  for (int i = 0; i < 5; ++i) {
    const std::string folder = client / ("folder" + std::to_string(i));
    REQUIRE(::mkdir(folder.c_str(), 0755) == 0);
    write_file(folder + "/file", std::string(300, static_cast<char>('a' + i)));
    REQUIRE(::symlink("file", (folder + "/link").c_str()) == 0);
  }
  client.let_settle();
  const BackedUp first = client.back_up_well();
  const std::string path = states_file(client);
  REQUIRE(!path.empty());
  const std::string whole = read_text(path);
  const auto run_with = [&](const std::string& states) {
    write_file(path, states);
    CHECK(client.back_up_well().result.root.id == first.result.root.id);
  };
  SUBCASE("lost") {
    REQUIRE(::unlink(path.c_str()) == 0);
    const BackedUp second = client.back_up_well();
    CHECK(second.result.root.id == first.result.root.id);
    CHECK(second.result.summary.files_unmodified == 0);
    CHECK(second.result.summary.data_added == 0);
  }
  SUBCASE("changed") {
    for (std::size_t at = 0; at < whole.size(); at += 1 + at % 13) {
      CAPTURE(at);
      std::string changed = whole;
      changed[at] = static_cast<char>(changed[at] ^ 0x40);
      run_with(changed);
    }
  }
  SUBCASE("cut") {
    for (std::size_t size = 0; size < whole.size(); size += 1 + size % 17)
      run_with(whole.substr(0, size));
  }
  SUBCASE("a folder in its place") {
    REQUIRE(::unlink(path.c_str()) == 0);
    REQUIRE(::mkdir(path.c_str(), 0755) == 0);
    CHECK(client.back_up_well().result.root.id == first.result.root.id);
  }
}

TEST_CASE("a dry run counts what it would store and changes nothing") {
  TestClient client;
  make_odd_tree(client.source());
  BackupOptions options = client.options();
  options.dry_run = true;
  for (int i = 0; i < 2; ++i) {
    client.repository.storage->forget_calls();
    const BackedUp dry = client.back_up(options);
    CHECK_FALSE(dry.result.snapshot);
    CHECK(client.repository.storage->calls("put ").empty());
    CHECK(states_file(client).empty());
    CHECK(dry.result.summary.data_added > 20'000'000);
  }
  const BackedUp dry = client.back_up(options);
  const BackedUp real = client.back_up_well();
  CHECK(dry.result.summary.data_added == real.result.summary.data_added);
  CHECK(dry.result.summary.data_chunks == real.result.summary.data_chunks);
  CHECK(dry.result.root.id == real.result.root.id);
  client.repository.storage->forget_calls();
  CHECK(client.back_up(options).result.summary.data_added == 0);
  CHECK(client.repository.storage->calls("put ").empty());
}

TEST_CASE("an unchanged tree needs no snapshot if that is wished for") {
  TestClient client;
  write_file(client / "a", "a");
  client.let_settle();
  BackupOptions options = client.options();
  options.skip_if_unchanged = true;
  CHECK(client.back_up(options).result.snapshot);
  const BackedUp skipped = client.back_up(options);
  CHECK_FALSE(skipped.result.snapshot);
  CHECK(client.repository.names("snapshots/").size() == 1);
  CHECK(client.repository.names("fences/").size() == 1);  // its session is closed
  write_file(client / "a", "b");
  CHECK(client.back_up(options).result.snapshot);
  CHECK(client.repository.names("snapshots/").size() == 2);
}

TEST_CASE("force reads what looks unchanged") {
  TestClient client;
  write_file(client / "a", "a");
  client.let_settle();
  const BackedUp first = client.back_up_well();
  BackupOptions options = client.options();
  options.force = true;
  const BackedUp forced = client.back_up(options);
  CHECK(forced.result.summary.files_unmodified == 0);
  CHECK(forced.result.root.id == first.result.root.id);
  CHECK(forced.result.parent == first.result.snapshot);
}

}  // namespace
}  // namespace lagan
