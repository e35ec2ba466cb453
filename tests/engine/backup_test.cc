// SPDX-License-Identifier: Apache-2.0
#include "src/engine/backup.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "tests/engine/engine_samples.h"
#include "util/file.h"

namespace lagan {
namespace {

// Written but not yet run to its end.
TEST_CASE("what was backed up is restored to the last attribute") {
  TestClient client;
  make_odd_tree(client.source());
  const auto original = describe_tree(client.source());
  const BackedUp saved = client.back_up_well();
  CHECK(difference(original, describe_tree(client.source())).empty());
  REQUIRE(saved.result.snapshot);

  SUBCASE("the folder itself") {
    const Restored restored = client.restore_source(*saved.result.snapshot, client.work("back"));
    CHECK_MESSAGE(restored.troubles.empty(), restored.troubles.front());
    CHECK(difference(original, describe_tree(client.work("back"))) == "");
  }
  SUBCASE("by its whole path") {
    RestoreOptions with;
    with.target = client.work("back");
    const Restored restored = client.restore_with(*saved.result.snapshot, with);
    CHECK_MESSAGE(restored.troubles.empty(), restored.troubles.front());
    CHECK(difference(original, describe_tree(client.work("back") + client.source())) == "");
    CHECK(restored.result.files == saved.result.root.files - restored.result.others);
  }
  SUBCASE("over what is there already") {
    for (int i = 0; i < 2; ++i) {
      remove_tree(client.work("back") + "/immutable");
      remove_tree(client.work("back") + "/append only");
      const Restored restored = client.restore_source(*saved.result.snapshot, client.work("back"));
      CHECK_MESSAGE(restored.troubles.empty(), restored.troubles.front());
      CHECK(difference(original, describe_tree(client.work("back"))) == "");
    }
  }
}

TEST_CASE("a folder of 10,000 files and one that is 1,000 deep come back") {
  TestClient client;
  REQUIRE(::mkdir((client / "wide").c_str(), 0755) == 0);
  for (int i = 0; i < 10'000; ++i) {
    write_file(client / ("wide/" + std::to_string(i)), i % 100 == 0 ? std::to_string(i) : "");
  }
  make_deep_tree(client.source(), "d", 1000);
  const auto original = describe_tree(client.source());
  const BackedUp saved = client.back_up_well();
  CHECK(saved.result.root.files == 10'001);
  const Restored restored = client.restore_source(*saved.result.snapshot, client.work("back"));
  CHECK_MESSAGE(restored.troubles.empty(), restored.troubles.front());
  CHECK(difference(original, describe_tree(client.work("back"))) == "");
}

TEST_CASE("a path that is missing is an error of that path, all missing one of the run") {
  TestClient client;
  write_file(client / "a", "a");
  BackupOptions options = client.options();
  options.paths = {client.source(), client.work("missing")};
  const BackedUp partly = client.back_up(options);
  CHECK(partly.result.errors == 1);
  REQUIRE(partly.troubles.size() == 1);
  CHECK(partly.troubles[0].find("missing") != std::string::npos);
  CHECK(partly.result.snapshot);

  options.paths = {client.work("missing"), client.work("too")};
  client.repository.storage->forget_calls();
  CollectingObserver observer;
  const auto none = client.try_back_up(options, observer);
  REQUIRE_FALSE(none);
  CHECK(none.error().code == ErrorCode::not_found);
  CHECK(client.repository.storage->calls().empty());

  options.paths = {};
  CHECK(client.try_back_up(options, observer).error().code == ErrorCode::invalid_argument);
}

TEST_CASE("several targets, one below another, are saved once and with the folders above them") {
  TestClient client;
  REQUIRE(::mkdir((client / "a").c_str(), 0750) == 0);
  REQUIRE(::mkdir((client / "b").c_str(), 0755) == 0);
  write_file(client / "a/x", "x");
  write_file(client / "a/y", "y");
  write_file(client / "b/z", "z");
  BackupOptions options = client.options();
  options.paths = {client / "a/x", client / "a", client / "a/", client / "b/../a/./x"};
  const BackedUp saved = client.back_up(options);
  CHECK(saved.result.root.files == 2);
  RestoreOptions with;
  with.target = client.work("back");
  client.restore_with(*saved.result.snapshot, with);
  const std::string back = client.work("back") + client.source();
  CHECK(read_text(back + "/a/y") == "y");
  CHECK_FALSE(exists(back + "/b"));
  const auto status = source_status(AT_FDCWD, (back + "/a").c_str());
  REQUIRE(status);
  CHECK(status->mode == 0750);
  CHECK(client.load(*saved.result.snapshot).paths == std::vector{client / "a", client / "a/x"});
}

TEST_CASE("a target that is a single file or a link is saved as that") {
  TestClient client;
  write_file(client / "file", "content");
  REQUIRE(::symlink("file", (client / "link").c_str()) == 0);
  BackupOptions options = client.options();
  options.paths = {client / "file", client / "link"};
  const BackedUp saved = client.back_up(options);
  CHECK(saved.troubles.empty());
  client.restore_source(*saved.result.snapshot, client.work("back"));
  CHECK(read_text(client.work("back/file")) == "content");
  CHECK(std::filesystem::read_symlink(client.work("back/link")) == "file");
}

TEST_CASE("what matches a pattern is left out, but never what was named") {
  TestClient client;
  REQUIRE(::mkdir((client / "cache").c_str(), 0755) == 0);
  write_file(client / "cache/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n");
  write_file(client / "cache/data", "d");
  write_file(client / "a.o", "o");
  write_file(client / "keep.o", "o");
  write_file(client / "large", std::string(5000, 'l'));
  write_file(client / "small", "s");
  BackupOptions options = client.options();
  options.filter.patterns = {{"*.o"}, {"!keep.o"}};
  options.filter.exclude_caches = true;
  options.filter.larger_than = 4999;
  const BackedUp saved = client.back_up(options);
  CHECK(saved.troubles.empty());
  client.restore_source(*saved.result.snapshot, client.work("back"));
  CHECK(exists(client.work("back/keep.o")));
  CHECK(exists(client.work("back/small")));
  CHECK(exists(client.work("back/cache")));
  CHECK_FALSE(exists(client.work("back/cache/data")));
  CHECK_FALSE(exists(client.work("back/a.o")));
  CHECK_FALSE(exists(client.work("back/large")));
  CHECK(client.load(*saved.result.snapshot).excludes == std::vector<std::string>{"*.o", "!keep.o"});
}

class Pipe {
 public:
  explicit Pipe(std::string content) {
    REQUIRE(::pipe2(ends_, O_CLOEXEC) == 0);
    writer_ = std::jthread([text = std::move(content), end = ends_[1]] {
      (void)write_all(end, as_bytes(text));
      ::close(end);
    });
  }
  ~Pipe() { ::close(ends_[0]); }
  int output() const { return ends_[0]; }

 private:
  int ends_[2] = {-1, -1};
  std::jthread writer_;
};

TEST_CASE("a stream becomes one file, whatever its size") {
  for (const std::size_t size : {0UL, 1UL, 256UL, 257UL, 100'000UL, 1UL << 20, 5'000'000UL}) {
    CAPTURE(size);
    TestClient client;
    const std::string content(as_text(random_content(size, size).span()));
    const Pipe pipe(content);
    BackupOptions options = client.options();
    options.paths = {};
    options.stream = pipe.output();
    options.stream_name = "dump.sql";
    bool asked = false;
    options.stream_ended = [&]() -> Result<void> {
      asked = true;
      return {};
    };
    if (size == 0) {  // a command that printed nothing
      CollectingObserver observer;
      CHECK_FALSE(client.try_back_up(options, observer));
      CHECK(client.repository.names("snapshots/").empty());
      options.stream_ended = nullptr;
      asked = true;
      const Pipe again("");
      options.stream = again.output();
      CHECK(client.back_up(options).result.root.content_bytes == 0);
      continue;
    }
    const BackedUp saved = client.back_up(options);
    CHECK(asked);
    CHECK(saved.result.root.files == 1);
    CHECK(saved.result.root.content_bytes == size);
    RestoreOptions with;
    with.target = client.work("back");
    client.restore_with(*saved.result.snapshot, with);
    CHECK(read_text(client.work("back/dump.sql")) == content);
    CHECK(client.load(*saved.result.snapshot).paths == std::vector<std::string>{"/dump.sql"});
  }
}

TEST_CASE("a stream that ends badly makes no snapshot") {
  TestClient client;
  const Pipe pipe(std::string(500'000, 's'));
  BackupOptions options = client.options();
  options.paths = {};
  options.stream = pipe.output();
  options.stream_ended = []() -> Result<void> { return fail(ErrorCode::io, "status 1"); };
  CollectingObserver observer;
  const auto failed = client.try_back_up(options, observer);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().message == "status 1");
  CHECK(client.repository.names("snapshots/").empty());
  CHECK(client.repository.names("fences/").size() == 1);
}

// A file system of its own, while there is one of these.
class MountedFolder {
 public:
  explicit MountedFolder(std::string path) : path_(std::move(path)) {
    ::mkdir(path_.c_str(), 0755);
    is_mounted_ = ::mount("lagan-test", path_.c_str(), "tmpfs", 0, nullptr) == 0;
  }
  ~MountedFolder() {
    if (is_mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  MountedFolder(const MountedFolder&) = delete;
  MountedFolder& operator=(const MountedFolder&) = delete;
  bool is_mounted() const { return is_mounted_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
  bool is_mounted_ = false;
};

TEST_CASE("other file systems are entered, or left out as empty folders") {
  TestClient client;
  const MountedFolder other(client / "other");
  if (!other.is_mounted()) return;
  write_file(other / "inside", "i");
  write_file(client / "outside", "o");
  BackupOptions options = client.options();
  CHECK(client.back_up(options).result.root.files == 2);
  options.filter.one_file_system = true;
  const BackedUp saved = client.back_up(options);
  CHECK(saved.result.root.files == 1);
  client.restore_source(*saved.result.snapshot, client.work("back"));
  CHECK(exists(client.work("back/other")));
  CHECK_FALSE(exists(client.work("back/other/inside")));
  // A target is always entered.
  options.paths = {other / "inside"};
  CHECK(client.back_up(options).result.root.files == 1);
}

TEST_CASE("files of different file systems are never taken for links to one another") {
  TestClient client;
  const MountedFolder one(client / "one"), two(client / "two");
  if (!one.is_mounted() || !two.is_mounted()) return;
  // New file systems count their inodes alike.
  write_file(one / "a", "of one");
  write_file(two / "a", "of two");
  REQUIRE(::link((one / "a").c_str(), (one / "b").c_str()) == 0);
  REQUIRE(::link((two / "a").c_str(), (two / "b").c_str()) == 0);
  REQUIRE(source_status(AT_FDCWD, (one / "a").c_str())->inode ==
          source_status(AT_FDCWD, (two / "a").c_str())->inode);
  client.let_settle();
  client.back_up_well();
  // The second run takes over what is in the first and reads only the second.
  write_file(two / "a", "changed");
  const auto state = describe_tree(client.source());
  const BackedUp saved = client.back_up_well();
  client.restore_source(*saved.result.snapshot, client.work("back"));
  CHECK(difference(state, describe_tree(client.work("back"))) == "");
}

TEST_CASE("the worked example of the format comes out as written") {
  TestClient client;
  write_file(client / "a.txt", "hello");
  client.let_settle();
  const BackedUp first = client.back_up_well();
  const auto puts = client.repository.storage->calls("put ");
  REQUIRE(puts.size() == 4);
  const char* const folders[] = {"put sessions/", "put tree/", "put index/", "put snapshots/"};
  const std::uint64_t sizes[] = {2192, 4096, 2160, 2192};
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(puts[i].starts_with(folders[i]));
    CHECK(client.repository.size_of(puts[i].substr(4)) == sizes[i]);
  }
  client.repository.storage->forget_calls();
  client.back_up_well();
  CHECK(client.repository.storage->calls("put ").size() == 2);
  // To restore: one range get for the file's folder, its root and what lies between.
  client.repository.storage->forget_calls();
  client.restore_source(*first.result.snapshot, client.work("back"));
  CHECK(client.repository.storage->calls("get tree/").size() == 1);
  CHECK(read_text(client.work("back/a.txt")) == "hello");
}

TEST_CASE("a snapshot says who made it, of what, when and with what result") {
  TestClient client;
  write_file(client / "a", std::string(1000, 'a'));
  BackupOptions options = client.options();
  options.tags = {"one", "two"};
  options.label = "before the move";
  options.time = 1'600'000'000'000'000'005;
  const BackedUp saved = client.back_up(options);
  const Snapshot snapshot = client.load(*saved.result.snapshot);
  CHECK(snapshot.host == "attic");
  CHECK(snapshot.user == "ann");
  CHECK(snapshot.tags == options.tags);
  CHECK(snapshot.label == "before the move");
  CHECK(snapshot.time == *options.time);
  CHECK(snapshot.started <= snapshot.finished);
  CHECK(snapshot.paths == std::vector{client.source()});
  CHECK(snapshot.program.starts_with("lagan "));
  CHECK(snapshot.summary.files_new == 1);
  CHECK(snapshot.summary.bytes_processed == 1000);
  CHECK(snapshot.summary.data_added == saved.result.summary.data_added);
  CHECK(snapshot.root.files == 1);
  CHECK(snapshot.root_record.has_value());
  CHECK_FALSE(snapshot.partial);
}

}  // namespace
}  // namespace lagan
