// SPDX-License-Identifier: Apache-2.0
#include "storage/local.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <initializer_list>

#include "tests/storage/helpers.h"
#include "tests/util/temporary_folder.h"
#include "util/file.h"

namespace lagan {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

struct LocalFixture {
  TemporaryFolder folder;
  std::string root = folder / "repository";
  std::unique_ptr<Storage> storage = make_local_storage(root);

  LocalFixture() { REQUIRE(storage->create()); }
  std::string path(const std::string& name) const { return root + "/" + name; }
};

void write_file(const std::string& path, std::string_view content) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path) << content;
}

mode_t mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

Names files_below(const std::string& root) {
  Names found;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (!entry.is_directory()) found.push_back(fs::relative(entry.path(), root));
  }
  return found;
}

// Runs `work` in a child process and returns its exit code.
int in_a_child(const std::function<int()>& work) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) ::_exit(work());
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

// Moves this process where its mounts are its own; for an ordinary user that takes a world in which
// he is root.
bool may_mount() {
  const std::string user = fmt::format("0 {} 1", ::getuid());
  const std::string group = fmt::format("0 {} 1", ::getgid());
  if (::geteuid() != 0) {
    if (::unshare(CLONE_NEWUSER) != 0) return false;
    std::ofstream("/proc/self/setgroups") << "deny";
    std::ofstream("/proc/self/uid_map") << user;
    std::ofstream("/proc/self/gid_map") << group;
  }
  return ::unshare(CLONE_NEWNS) == 0 &&
         ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

// The rights of an ordinary user for this thread, also when the tests run as root.
class WithoutPrivileges {
 public:
  WithoutPrivileges() {
    if (::geteuid() == 0) ::setfsuid(65534);
  }
  ~WithoutPrivileges() {
    if (::geteuid() == 0) ::setfsuid(0);
  }
};

class Umask {
 public:
  explicit Umask(mode_t mask) : before_(::umask(mask)) {}
  ~Umask() { ::umask(before_); }

 private:
  const mode_t before_;
};

}  // namespace

TEST_CASE_FIXTURE(LocalFixture, "objects are files that their owner may read, whatever the umask") {
  for (const mode_t mask : {mode_t{0}, mode_t{022}, mode_t{0777}}) {
    INFO(mask);
    const Umask umask(mask);
    const auto other = make_local_storage(fmt::format("{}/new/{}", root, mask));
    REQUIRE(other->create());
    REQUIRE(other->put(name_of("packs/ab/cd"), as_bytes("x")));
    CHECK(mode_of(fmt::format("{}/new", root)) == 0700);
    CHECK(mode_of(fmt::format("{}/new/{}", root, mask)) == 0700);
    CHECK(mode_of(fmt::format("{}/new/{}/packs", root, mask)) == 0700);
    CHECK(mode_of(fmt::format("{}/new/{}/packs/ab", root, mask)) == 0700);
    CHECK(mode_of(fmt::format("{}/new/{}/packs/ab/cd", root, mask)) == 0400);
    CHECK(difference(*other, name_of("packs/ab/cd"), as_bytes("x")) == "");
  }
}

TEST_CASE_FIXTURE(LocalFixture, "a put leaves one file and nothing else") {
  REQUIRE(storage->put(name_of("packs/a"), random_bytes((1 << 20) + 5, 1)));
  REQUIRE(storage->put(name_of("packs/a"), random_bytes((1 << 20) + 5, 1)));
  CHECK(files_below(root) == Names{"packs/a"});
}

TEST_CASE_FIXTURE(LocalFixture, "a symbolic link under an object's name is not followed") {
  const std::string outside = folder / "outside";
  write_file(outside, "secret");
  fs::create_directories(path("packs"));
  fs::create_symlink(outside, path("packs/a"));
  CHECK_FALSE(storage->get(name_of("packs/a")));
  CHECK_FALSE(storage->get(name_of("packs/a"), {0, 1}));
  CHECK(storage->stat(name_of("packs/a")).error().code == ErrorCode::corrupt);
  CHECK(names_below(*storage, "") == Names{});

  REQUIRE(storage->put(name_of("packs/a"), as_bytes("object")));
  CHECK_FALSE(fs::is_symlink(path("packs/a")));
  CHECK(difference(*storage, name_of("packs/a"), as_bytes("object")) == "");
  CHECK(as_text(read_file(outside, 100).value()) == "secret");
}

TEST_CASE_FIXTURE(LocalFixture, "removing a planted link removes the link") {
  write_file(folder / "outside", "secret");
  fs::create_symlink(folder / "outside", path("a"));
  REQUIRE(storage->remove(name_of("a")));
  CHECK_FALSE(fs::is_symlink(path("a")));
  CHECK(fs::exists(folder / "outside"));
}

TEST_CASE_FIXTURE(LocalFixture, "a pipe under an object's name does not hang us") {
  REQUIRE(::mkfifo(path("pipe").c_str(), 0600) == 0);
  CHECK(storage->get(name_of("pipe")).error().code == ErrorCode::corrupt);
  CHECK(names_below(*storage, "") == Names{});
}

TEST_CASE_FIXTURE(LocalFixture, "a torn copy of an object is replaced by the whole one") {
  write_file(path("packs/a"), "obj");
  REQUIRE(storage->put(name_of("packs/a"), as_bytes("object")));
  CHECK(difference(*storage, name_of("packs/a"), as_bytes("object")) == "");
  CHECK(files_below(root) == Names{"packs/a"});
}

TEST_CASE_FIXTURE(LocalFixture, "an object that is there is kept, not written again") {
  REQUIRE(storage->put(name_of("a"), as_bytes("object")));
  const auto before = fs::last_write_time(path("a"));
  struct stat first {
  }, second{};
  REQUIRE(::stat(path("a").c_str(), &first) == 0);
  REQUIRE(storage->put(name_of("a"), as_bytes("object")));
  REQUIRE(::stat(path("a").c_str(), &second) == 0);
  CHECK(first.st_ino == second.st_ino);
  CHECK(fs::last_write_time(path("a")) == before);
}

TEST_CASE_FIXTURE(LocalFixture, "a temporary file left by a crash is invisible") {
  REQUIRE(storage->put(name_of("packs/a"), {}));
  write_file(path("packs/.lagan-tmp-0011223344556677"), "half");
  write_file(path(".lagan-tmp-0011223344556677"), "half");
  CHECK(names_below(*storage, "") == Names{"packs/a"});
  CHECK(names_below(*storage, "packs/") == Names{"packs/a"});
}

TEST_CASE_FIXTURE(LocalFixture, "a list removes temporary files of the dead, not of the living") {
  REQUIRE(storage->put(name_of("packs/a"), {}));
  const std::string left = path("packs/.lagan-tmp-0011223344556677"),
                    used = path("packs/.lagan-tmp-8899aabbccddeeff");
  write_file(left, "half");
  write_file(used, "half");
  {
    const auto other = open_file(used, O_RDONLY);
    REQUIRE(other);
    REQUIRE(::flock(other->descriptor(), LOCK_EX) == 0);
    CHECK(names_below(*storage, "packs/") == Names{"packs/a"});
    CHECK(fs::exists(used));
    CHECK_FALSE(fs::exists(left));
  }
  CHECK(names_below(*storage, "packs/") == Names{"packs/a"});
  CHECK_FALSE(fs::exists(used));
}

TEST_CASE_FIXTURE(LocalFixture, "what lies on a disk that is not mounted is not taken for gone") {
  const ObjectName name = name_of("packs/ab/a");
  fs::create_directories(path("packs"));
  SUBCASE("a kind of object") {
    fs::remove(path("packs"));
    fs::create_directory_symlink(folder / "other-disk", path("packs"));
    CHECK(storage->list("packs/", [](const ObjectInfo&) { return Result<void>(); }).error().code ==
          ErrorCode::unavailable);
  }
  SUBCASE("a part of one") {
    fs::create_directory_symlink(folder / "other-disk", path("packs/ab"));
    CHECK(storage->list("packs/", [](const ObjectInfo&) { return Result<void>(); }).error().code ==
          ErrorCode::unavailable);
  }
  CHECK(storage->stat(name).error().code == ErrorCode::unavailable);
  CHECK(storage->get(name).error().code == ErrorCode::unavailable);
  CHECK(storage->remove(name).error().code == ErrorCode::unavailable);
  CHECK_FALSE(storage->put(name, {}));
}

TEST_CASE_FIXTURE(LocalFixture, "foreign files and folders are ignored and left alone") {
  REQUIRE(storage->put(name_of("packs/a"), {}));
  write_file(path("README.TXT"), "x");
  write_file(path("packs/Thumbs db"), "x");
  write_file(path("lost+found/a"), "x");
  write_file(path(".snapshots/packs/a"), "x");
  fs::create_directories(path("packs/empty"));
  fs::create_symlink("nowhere", path("packs/dangling"));
  fs::create_symlink("circle", path("packs/circle"));
  CHECK(names_below(*storage, "") == Names{"packs/a"});
  CHECK(fs::exists(path("lost+found/a")));
}

TEST_CASE_FIXTURE(LocalFixture,
                  "a folder moved to another disk and linked works like one in place") {
  fs::create_directories(folder / "other-disk");
  fs::create_directory_symlink(folder / "other-disk", path("packs"));
  REQUIRE(storage->put(name_of("packs/a"), as_bytes("x")));
  CHECK(names_below(*storage, "") == Names{"packs/a"});
  CHECK(difference(*storage, name_of("packs/a"), as_bytes("x")) == "");
}

TEST_CASE_FIXTURE(LocalFixture, "a folder that contains itself is an error, not an endless list") {
  fs::create_directories(path("packs"));
  fs::create_directory_symlink("..", path("packs/up"));
  fs::create_directory_symlink("..", path("packs/up-too"));
  CHECK(names_below(*storage, "").error().code == ErrorCode::io);
}

TEST_CASE_FIXTURE(LocalFixture, "an unreadable folder is an error, never a short list") {
  REQUIRE(storage->put(name_of("packs/a"), {}));
  REQUIRE(storage->put(name_of("index/a"), {}));
  if (::geteuid() == 0) {
    for (const std::string& each : {folder.path().string(), root, path("packs"), path("index")}) {
      REQUIRE(::chown(each.c_str(), 65534, 65534) == 0);
    }
  }
  REQUIRE(::chmod(path("packs").c_str(), 0300) == 0);
  {
    const WithoutPrivileges ordinary;
    CHECK(names_below(*storage, "index/") == Names{"index/a"});
    CHECK(names_below(*storage, "").error().code == ErrorCode::permission);
    CHECK(names_below(*storage, "packs/").error().code == ErrorCode::permission);
    // Nothing but listing needs the right to read it.
    CHECK(storage->put(name_of("packs/b"), {}));
  }
  REQUIRE(::chmod(path("packs").c_str(), 0700) == 0);
}

TEST_CASE_FIXTURE(LocalFixture, "a folder that may not be written is a permission error") {
  fs::create_directories(path("packs"));
  REQUIRE(::chmod(root.c_str(), 0755) == 0);
  REQUIRE(::chmod(folder.path().c_str(), 0755) == 0);
  REQUIRE(::chmod(path("packs").c_str(), 0555) == 0);
  const WithoutPrivileges ordinary;
  CHECK(storage->put(name_of("packs/a"), {}).error().code == ErrorCode::permission);
}

TEST_CASE_FIXTURE(LocalFixture, "a folder removed while we use it is made again") {
  REQUIRE(storage->put(name_of("packs/ab/1"), {}));
  fs::remove_all(path("packs"));
  REQUIRE(storage->put(name_of("packs/ab/2"), {}));
  CHECK(names_below(*storage, "") == Names{"packs/ab/2"});
}

TEST_CASE_FIXTURE(LocalFixture, "a file where a folder should be is an error that says so") {
  write_file(path("packs"), "x");
  const auto put = storage->put(name_of("packs/a"), {});
  REQUIRE_FALSE(put);
  CHECK(put.error().message.find("packs is not a folder") != std::string::npos);
  CHECK_FALSE(make_local_storage(path("packs"))->create());
  CHECK(make_local_storage(path("packs"))->put(name_of("a"), {}).error().code ==
        ErrorCode::no_repository);
}

TEST_CASE_FIXTURE(LocalFixture,
                  "the location may be written with a slash at its end, or relative") {
  const auto with_slash = make_local_storage(root + "/");
  REQUIRE(with_slash->put(name_of("packs/a"), {}));
  CHECK(names_below(*storage, "") == Names{"packs/a"});
  const auto relative = make_local_storage(fs::relative(folder / "relative"));
  REQUIRE(relative->create());
  REQUIRE(relative->put(name_of("a"), {}));
  CHECK(fs::exists(folder / "relative/a"));
}

TEST_CASE("what a folder holds went through fsync") {
  CHECK(make_local_storage("/nowhere")->capabilities().put_is_verified);
}

TEST_CASE("a full disk is no_space, leaves no litter, and is usable again") {
  const TemporaryFolder folder;
  constexpr int kNotPermitted = 77;
  // The mount is seen by the child alone and goes away with it.
  const int code = in_a_child([&] {
    if (!may_mount()) return kNotPermitted;
    if (::mount("tmpfs", folder.path().c_str(), "tmpfs", 0, "size=4m") != 0) return kNotPermitted;
    const auto storage = make_local_storage(folder / "repository");
    if (!storage->create()) return 1;
    if (!storage->put(name_of("packs/a"), random_bytes(7 << 19, 1))) return 2;
    // Half a MiB is left: too little for a small buffered object and for large direct ones, of
    // which one fails with a whole piece and one has an unaligned tail.
    for (const std::size_t size :
         std::initializer_list<std::size_t>{600'000, 1 << 20, (2 << 20) + 1}) {
      const auto full = storage->put(name_of("packs/b"), random_bytes(size, 2));
      if (full || full.error().code != ErrorCode::no_space) return 3;
    }
    if (files_below(folder / "repository") != Names{"packs/a"}) return 4;
    if (!storage->remove(name_of("packs/a"))) return 5;
    if (!storage->put(name_of("packs/b"), random_bytes(2 << 20, 2))) return 6;
    return 0;
  });
  if (code == kNotPermitted) {
    MESSAGE("SKIPPED: may not mount a small tmpfs here");
  } else {
    CHECK(code == 0);
  }
}

TEST_CASE_FIXTURE(LocalFixture, "a process killed while it puts leaves only whole objects") {
  const auto content = [](std::size_t i) { return random_bytes((1 << 20) + i * 100'000, i); };
  const auto name = [](std::size_t round, std::size_t i) {
    return name_of(fmt::format("packs/{}/{}", round, i));
  };
  for (std::size_t round = 0; round < 8; ++round) {
    int acknowledged[2];
    REQUIRE(::pipe2(acknowledged, O_CLOEXEC) == 0);
    const File from_child(acknowledged[0]);
    File to_parent(acknowledged[1]);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      for (std::size_t i = 0; i < 100; ++i) {
        if (!storage->put(name(round, i), content(i))) break;
        if (!write_all(to_parent.descriptor(), as_bytes("x"))) break;
      }
      ::_exit(0);
    }
    to_parent = File();
    // It is killed somewhere in the put after these.
    Bytes puts(round % 4 + 1);
    REQUIRE(read_some_full(from_child.descriptor(), puts.span()) == puts.size());
    REQUIRE(::kill(child, SIGKILL) == 0);
    REQUIRE(::waitpid(child, nullptr, 0) == child);

    const auto survivors = names_below(*storage, fmt::format("packs/{}/", round));
    REQUIRE(survivors);
    CHECK(survivors->size() >= puts.size());
    for (std::size_t i = 0; i < survivors->size(); ++i) {
      CHECK(difference(*storage, name(round, i), content(i)) == "");
    }
  }
}

}  // namespace lagan
