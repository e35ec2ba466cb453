// SPDX-License-Identifier: Apache-2.0
// What whole backups keep of a source, and what they take over from the one before.
#include <doctest/doctest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <functional>
#include <random>
#include <set>
#include <utility>

#include "repo/client_memory.h"
#include "src/engine/explain.h"
#include "tests/engine/engine_samples.h"

namespace lagan {
namespace {

using Names = std::set<std::string>;

// Everything of the source that is in the snapshot.
Names kept(TestClient& client, const BackedUp& saved, const std::string& source) {
  const std::string target = client.work("kept");
  RestoreOptions with;
  with.target = target;
  with.path_in_snapshot = source;
  with.threads = 2;
  client.restore_with(*saved.result.snapshot, with);
  Names names;
  for (const auto& [name, text] : describe_tree(target)) {
    if (!name.empty()) names.insert(name.substr(1));  // without the slash
  }
  remove_tree(target);
  return names;
}

void make(TestClient& client, const std::vector<std::string>& files) {
  for (const std::string& file : files) {
    std::filesystem::create_directories(std::filesystem::path(client / file).parent_path());
    write_file(client / file, file);
  }
}

BackupOptions excluding(const TestClient& client, const std::vector<std::string>& patterns) {
  BackupOptions options = client.options();
  for (const std::string& text : patterns) options.filter.patterns.push_back({text});
  return options;
}

TEST_CASE("what is taken back below a folder that is left out brings its folders along") {
  TestClient client;
  make(client, {"cache/a/keep", "cache/a/drop", "cache/b/drop", "cache/c/d/keep/x", "other"});
  const auto saved = client.back_up(excluding(client, {"cache", "!keep"}));
  CHECK(saved.troubles.empty());
  CHECK(kept(client, saved, client.source()) == Names{"cache", "cache/a", "cache/a/keep", "cache/c",
                                                      "cache/c/d", "cache/c/d/keep",
                                                      "cache/c/d/keep/x", "other"});
  CHECK(saved.result.root.files == 3);
  // Nothing is left of one that holds nothing.
  const auto none = client.back_up(excluding(client, {"cache", "!absent"}));
  CHECK(kept(client, none, client.source()) == Names{"other"});
}

TEST_CASE("a target within a folder that is left out is kept, its neighbours are not") {
  TestClient client;
  make(client, {"build/own/x", "build/made", "build/deep/own/y", "build/deep/made"});
  BackupOptions options = excluding(client, {"build"});
  options.paths = {client.source(), client / "build/own", client / "build/deep/own"};
  const auto saved = client.back_up(options);
  CHECK(kept(client, saved, client.source()) == Names{"build", "build/own", "build/own/x",
                                                      "build/deep", "build/deep/own",
                                                      "build/deep/own/y"});
}

TEST_CASE("the repository and the cache are left empty, and refused when named") {
  TestClient client;
  make(client, {"repository/lagan.repo", "file", "other-cache/data"});
  write_file(client / "other-cache/CACHEDIR.TAG", kCacheTag);
  BackupOptions options = client.options();
  options.filter.own_folders = {{client / "repository", "the repository"}};
  CHECK(kept(client, client.back_up(options), client.source()) ==
        Names{"repository", "file", "other-cache", "other-cache/CACHEDIR.TAG"});
  const std::size_t sessions = client.repository.names("sessions/").size();
  for (const std::string& path : {client / "repository", client / "repository/lagan.repo",
                                  client.repository->cache_folder()}) {
    options.paths = {client / "file", path};
    CollectingObserver observer;
    const auto refused = client.try_back_up(options, observer);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::invalid_argument);
    CHECK(refused.error().message.find("is never backed up") != std::string::npos);
  }
  CHECK(client.repository.names("sessions/").size() == sessions);
}

TEST_CASE("file systems of the kernel are left empty unless they are named") {
  TestClient client;
  make(client, {"file", "proc/below"});
  if (::mount("proc", (client / "proc").c_str(), "proc", MS_RDONLY, nullptr) != 0) return;
  const auto saved = client.back_up();
  BackupOptions options = client.options();
  options.paths = {client.source(), client / "proc/sys/kernel/ostype"};
  const auto named = client.back_up(options);
  ::umount2((client / "proc").c_str(), MNT_DETACH);
  CHECK(saved.troubles.empty());
  CHECK(kept(client, saved, client.source()) == Names{"file", "proc"});
  CHECK(kept(client, named, client.source()).contains("proc/sys/kernel/ostype"));
  CHECK(kept(client, named, client.source()).size() == 5);
}

TEST_CASE("a source that moved is saved where it was, and not read again") {
  TestClient client;
  make(client, {"a", "sub/b"});
  client.let_settle();
  const BackedUp first = client.back_up_well();
  const std::string moved = client.work("moved");
  REQUIRE(::rename(client.source().c_str(), moved.c_str()) == 0);
  BackupOptions options = client.options();
  options.sources = {moved};
  const BackedUp second = client.back_up(options);
  CHECK(second.troubles.empty());
  CHECK(second.result.summary.files_unmodified == 2);
  CHECK(second.result.summary.files_new + second.result.summary.files_changed == 0);
  CHECK(second.result.parent == first.result.snapshot);
  CHECK(client.load(*second.result.snapshot).paths == std::vector<std::string>{client.source()});
  CHECK(kept(client, second, client.source()) == Names{"a", "sub", "sub/b"});

  // Also where no such folder is, and of a single file; patterns are about the path as saved.
  options.paths = {"/nowhere/at/all"};
  options.filter.patterns = {{"/nowhere/at/all/sub"}};
  const BackedUp nowhere = client.back_up(options);
  CHECK(nowhere.troubles.empty());
  CHECK(kept(client, nowhere, "/nowhere/at/all") == Names{"a"});
  options.paths = {"/nowhere/file"};
  options.sources = {moved + "/a"};
  const BackedUp file = client.back_up(options);
  CHECK(file.troubles.empty());
  CHECK(kept(client, file, "/nowhere") == Names{"file"});
  REQUIRE(::rename(moved.c_str(), client.source().c_str()) == 0);
}

TEST_CASE("another ctime or inode alone is no reason to read a file, if that is wished for") {
  TestClient client;
  const auto write = [&](const std::string& content) {
    write_file(client / "new", content);
    REQUIRE(::rename((client / "new").c_str(), (client / "file").c_str()) == 0);
    set_mtime(client / "file", 1'500'000'000);
    client.let_settle();
  };
  const auto content_of = [&](bool ignore_ctime, bool ignore_inode) {
    BackupOptions options = client.options();
    options.ignore_ctime = ignore_ctime;
    options.ignore_inode = ignore_inode;
    const BackedUp saved = client.back_up(options);
    CHECK(saved.troubles.empty());
    remove_tree(client.work("back"));
    client.restore_source(*saved.result.snapshot, client.work("back"));
    return read_text(client.work("back/file"));
  };
  write("first");
  CHECK(content_of(false, false) == "first");

  SUBCASE("of a new inode, both must be ignored") {
    write("other");
    CHECK(content_of(true, true) == "first");
    write("third");
    CHECK(content_of(true, false) == "third");
    write("again");
    CHECK(content_of(false, true) == "again");
  }
  SUBCASE("the attributes are saved as they are now") {
    REQUIRE(::chmod((client / "file").c_str(), 0600) == 0);
    client.let_settle();
    CHECK(content_of(true, false) == "first");
    CHECK((std::filesystem::status(client.work("back/file")).permissions() ==
           std::filesystem::perms{0600}));
  }
  SUBCASE("a file that was read a moment after it changed is read again all the same") {
    const std::int64_t just_ahead = system_now() / 1'000'000'000 + 1;
    set_mtime(client / "file", just_ahead);
    content_of(true, true);
    write_file(client / "file", "newer");
    set_mtime(client / "file", just_ahead);
    CHECK(content_of(true, true) == "newer");
  }
}

// Does something while the walker enters the folder "z", whose ignore file it complains of.
// What came before that is listed then and not opened.
class MeddlingObserver final : public Observer {
 public:
  explicit MeddlingObserver(std::function<void()> meddle) : meddle_(std::move(meddle)) {}
  void trouble(const std::string& path, const Error& error) override {
    const MutexLock lock(mutex_);
    troubles_.push_back(path + ": " + error.message);
  }
  void note(const std::string&) override {
    if (meddle_) std::exchange(meddle_, nullptr)();
  }
  std::vector<std::string> troubles() {
    const MutexLock lock(mutex_);
    std::ranges::sort(troubles_);
    return troubles_;
  }

 private:
  std::function<void()> meddle_;
  Mutex mutex_;
  std::vector<std::string> troubles_ GUARDED_BY(mutex_);
};

TEST_CASE(
    "a file that is a folder, a link, a pipe or gone when it is opened is told and left out") {
  TestClient client;
  make(client, {"folder", "gone", "link", "pipe", "sound", "z/.laganignore"});
  write_file(client / "z/.laganignore", "[");
  make(client, {"elsewhere"});
  MeddlingObserver observer([&] {
    for (const char* name : {"folder", "gone", "link", "pipe"})
      REQUIRE(::unlink((client / name).c_str()) == 0);
    REQUIRE(::mkdir((client / "folder").c_str(), 0755) == 0);
    REQUIRE(::symlink("elsewhere", (client / "link").c_str()) == 0);
    REQUIRE(::mkfifo((client / "pipe").c_str(), 0644) == 0);
  });
  const auto result = backup(*client.repository, client.options(), observer);
  REQUIRE(result);
  CHECK(observer.troubles() ==
        std::vector<std::string>{(client / "folder") + ": is no longer a regular file",
                                 (client / "gone") + ": open: No such file or directory",
                                 (client / "link") + ": is no longer a regular file",
                                 (client / "pipe") + ": is no longer a regular file"});
  CHECK(kept(client, {*result, {}, {}, {}}, client.source()) ==
        Names{"elsewhere", "z", "z/.laganignore", "sound"});
  // The next run saves them as what they are.
  CHECK(client.back_up_well().result.root.files == 5);
}

TEST_CASE("items are told as new, changed, unchanged or gone from the snapshot") {
  TestClient client;
  make(client, {"same", "news", "gone", "left-out"});
  client.let_settle();
  client.back_up_well();
  write_file(client / "news", "!");
  write_file(client / "added", "a");
  REQUIRE(::unlink((client / "gone").c_str()) == 0);
  BackupOptions options = excluding(client, {"left-out"});
  options.dry_run = true;
  const auto items = client.back_up(options).items;
  for (const auto& item : std::map<std::string, std::string>{{"added ", "added"},
                                                             {"changed ", "news"},
                                                             {"unchanged ", "same"},
                                                             {"removed ", "gone"}}) {
    CAPTURE(item.second);
    CHECK(std::ranges::count(items, item.first + (client / item.second)) == 1);
  }
  CHECK(std::ranges::count(items, "removed " + (client / "left-out")) == 1);
  CHECK(std::ranges::count(items, "changed " + client.source()) == 1);
}

TEST_CASE("an explanation says what a backup does, and why") {
  TestClient client;
  make(client, {"a.o", "keep.o", "cache/x", "marked/.nobackup", "marked/x", "sub/.laganignore"});
  write_file(client / "sub/.laganignore", "secret\n");
  make(client, {"sub/secret", "repository/x"});
  FilterOptions options;
  options.patterns = {{"*.o"}, {"!keep.o"}, {"cache"}};
  options.exclude_if_present = {".nobackup"};
  options.own_folders = {{client / "repository", "the repository"}};
  const auto why = [&](const std::string& name) {
    const auto found = explain(options, {client.source()}, client / name, [](const auto&) {});
    REQUIRE(found);
    return (found->is_kept ? "kept: " : "left out: ") + found->why;
  };
  CHECK(why("a.o") == "left out: --exclude '*.o'");
  CHECK(why("keep.o") == "kept: --exclude '!keep.o'");
  CHECK(why("cache/x") == "left out: --exclude 'cache' (" + (client / "cache") + ")");
  CHECK(why("marked/x") ==
        "left out: --exclude-if-present '.nobackup' (" + (client / "marked") + ")");
  CHECK(why("marked") == "kept: no rule leaves it out");
  CHECK(why("marked/.nobackup") == "kept: no rule leaves it out");
  CHECK(why("sub/secret") == "left out: " + (client / "sub/.laganignore") + ":1 'secret'");
  CHECK(why("repository/x") == "left out: it is the repository");
  CHECK(why(".") == "kept: it is named");
  CHECK_FALSE(explain(options, {client.source()}, client / "none", [](const auto&) {}));
  const auto outside = explain(options, {client / "sub"}, client / "a.o", [](const auto&) {});
  REQUIRE(outside);
  CHECK_FALSE(outside->is_kept);
}

// Small trees of few names, so that rules, marks and targets meet each other.
class RandomSelection {
 public:
  explicit RandomSelection(std::uint64_t seed) : random_(seed) {
    while (files_.size() < 14) {
      std::string path(word());
      for (std::size_t depth = below(3); depth > 0; --depth) path += "/" + std::string(word());
      add(path + "/" + std::string(word()) + (below(2) == 0 ? ".o" : ""));
    }
    for (int i = 0; i < 2; ++i) add(folder() + "/.mark");
    const std::string ignoring = folder();
    add(ignoring + "/.laganignore");
    write_file(client / (ignoring + "/.laganignore"), pattern() + "\n" + pattern() + "\n");
    options = client.options();
    for (std::size_t i = below(4); i > 0; --i) options.filter.patterns.push_back({pattern()});
    options.filter.exclude_if_present = {".mark"};
    for (std::size_t i = below(3); i > 0; --i) options.paths.push_back(client / folder());
  }

  // By path below the source, which is named itself.
  std::set<std::string> all() const {
    std::set<std::string> all;
    for (const std::string& file : files_) {
      for (std::size_t at = 0; at != std::string::npos;) {
        at = file.find('/', at + 1);
        all.insert(file.substr(0, at));
      }
    }
    return all;
  }

  TestClient client;
  BackupOptions options;

 private:
  std::size_t below(std::size_t limit) { return random_() % limit; }
  std::string_view word() {
    static constexpr std::array<std::string_view, 4> kWords = {"a", "b", "c", "d"};
    return kWords[below(kWords.size())];
  }
  std::string folder() {
    const std::string& file = *std::next(files_.begin(), static_cast<long>(below(files_.size())));
    return file.substr(0, file.rfind('/'));
  }
  std::string pattern() {
    std::string pattern(below(3) == 0 ? "!" : "");
    if (below(3) == 0) pattern += "/**/";
    pattern += below(3) == 0 ? "*.o" : word();
    if (below(4) == 0) (pattern += '/') += word();
    return pattern;
  }
  void add(const std::string& path) {
    // A name is a folder or a file, whichever comes first.
    std::error_code error;
    std::filesystem::create_directories(std::filesystem::path(client / path).parent_path(), error);
    if (error || std::filesystem::exists(client / path)) return;
    write_file(client / path, path);
    files_.insert(path);
  }

  std::mt19937_64 random_;
  std::set<std::string> files_;
};

TEST_CASE("an explanation is true of every path of random selections") {
  std::size_t kept_count = 0, left_out_count = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    RandomSelection selection(seed);
    TestClient& client = selection.client;
    const auto saved = client.back_up(selection.options);
    REQUIRE(saved.troubles.empty());
    const Names names = kept(client, saved, client.source());
    for (const std::string& path : selection.all()) {
      CAPTURE(path);
      const auto found = explain(selection.options.filter, selection.options.paths, client / path,
                                 [](const auto&) {});
      REQUIRE(found);
      // Such a folder is there if something in it is.
      const bool may_be_either = found->why.ends_with("unless something in it is kept");
      if (may_be_either) continue;
      CHECK_MESSAGE(found->is_kept == names.contains(path), found->why);
      ++(found->is_kept ? kept_count : left_out_count);
    }
  }
  CHECK(kept_count > 100);
  CHECK(left_out_count > 100);
}

}  // namespace
}  // namespace lagan
