// SPDX-License-Identifier: Apache-2.0
#include "src/engine/source_entry.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>

#include "tests/engine/source_tree.h"
#include "tests/util/temporary_folder.h"
#include "util/file.h"

namespace lagan {
namespace {

Entry entry_at(const std::string& path) {
  static OwnerNames owners;
  const auto status = source_status(AT_FDCWD, path.c_str());
  REQUIRE_MESSAGE(status, path);
  return entry_of("name", *status, owners);
}

TEST_CASE("a file's status is what stat says") {
  const TemporaryFolder folder;
  write_file(folder / "file", "content");
  REQUIRE(::chmod((folder / "file").c_str(), 04741) == 0);
  set_mtime(folder / "file", -3, 999'999'999);
  const SourceStatus status = *source_status(AT_FDCWD, (folder / "file").c_str());
  struct stat expected {};
  REQUIRE(::stat((folder / "file").c_str(), &expected) == 0);
  CHECK(status.kind == EntryKind::file);
  CHECK(status.mode == 04741);
  CHECK(status.size == 7);
  CHECK(status.mtime == -3);
  CHECK(status.mtime_ns == 999'999'999);
  CHECK(status.inode == expected.st_ino);
  CHECK(status.device == expected.st_dev);
  CHECK(status.links == 1);
  CHECK(status.blocks == static_cast<std::uint64_t>(expected.st_blocks));
  CHECK(status.ctime == expected.st_ctim.tv_sec);
  CHECK(status.uid == ::geteuid());

  const Entry entry = entry_at(folder / "file");
  CHECK(entry.name == "name");
  CHECK(entry.kind == EntryKind::file);
  CHECK(entry.mode == 04741);
  CHECK(entry.size == 7);
  CHECK(entry.mtime == -3);
  CHECK(entry.mtime_ns == 999'999'999);
  CHECK(entry.btime.has_value() == status.has_btime);
}

TEST_CASE("a name is looked up in its folder, and no name is the descriptor itself") {
  const TemporaryFolder folder;
  write_file(folder / "file", "content");
  const File open = *open_file(folder.path(), O_RDONLY | O_DIRECTORY);
  CHECK(source_status(open.descriptor(), "file")->size == 7);
  CHECK(source_status(open.descriptor(), "")->kind == EntryKind::directory);
  const auto missing = source_status(open.descriptor(), "missing");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == ErrorCode::not_found);
}

TEST_CASE("a symlink is looked at, not followed") {
  const TemporaryFolder folder;
  write_file(folder / "file", std::string(100, 'x'));
  REQUIRE(::symlink("file", (folder / "link").c_str()) == 0);
  REQUIRE(::symlink("no such place", (folder / "dangling").c_str()) == 0);
  const Entry link = entry_at(folder / "link");
  CHECK(link.kind == EntryKind::symlink);
  CHECK(link.size == 0);
  CHECK(entry_at(folder / "dangling").kind == EntryKind::symlink);

  const File open = *open_file(folder.path(), O_RDONLY | O_DIRECTORY);
  CHECK(*read_link_target(open.descriptor(), "link") == "file");
  CHECK(*read_link_target(open.descriptor(), "dangling") == "no such place");
  CHECK_FALSE(read_link_target(open.descriptor(), "file"));
  const std::string longest(4095, 't');
  REQUIRE(::symlink(longest.c_str(), (folder / "longest").c_str()) == 0);
  CHECK(*read_link_target(open.descriptor(), "longest") == longest);
}

TEST_CASE("pipes, sockets and devices are told by their kind and have no size") {
  const TemporaryFolder folder;
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0620) == 0);
  const Entry pipe = entry_at(folder / "pipe");  // and nobody waits for a writer
  CHECK(pipe.kind == EntryKind::fifo);
  CHECK(pipe.size == 0);

  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = folder / "socket";
  REQUIRE(path.size() < sizeof address.sun_path);
  std::ranges::copy(path, address.sun_path);
  const File socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const void* raw = &address;
  REQUIRE(::bind(socket.descriptor(), static_cast<const sockaddr*>(raw), sizeof address) == 0);
  CHECK(entry_at(path).kind == EntryKind::socket);

  const Entry null = entry_at("/dev/null");
  CHECK(null.kind == EntryKind::character_device);
  CHECK(null.rdev_major == 1);
  CHECK(null.rdev_minor == 3);
  CHECK(entry_at(folder.path()).kind == EntryKind::directory);
  CHECK(entry_at(folder.path()).size == 0);
  CHECK(entry_at(folder.path()).rdev_major == 0);
}

TEST_CASE("owners have the names that the system knows") {
  OwnerNames owners;
  for (int i = 0; i < 2; ++i) {
    CHECK(owners.user(0) == "root");
    CHECK(owners.group(0) == "root");
    CHECK(owners.user(3'999'999'999) == "");
    CHECK(owners.group(3'999'999'999) == "");
  }
}

TEST_CASE("two looks at a file differ in all that tells a change") {
  SourceStatus status;
  status.size = 1;
  const auto differs = [&](auto change) {
    SourceStatus other = status;
    change(other);
    return !status.looks_like(other);
  };
  CHECK(status.looks_like(status));
  CHECK(differs([](SourceStatus& s) { s.kind = EntryKind::symlink; }));
  CHECK(differs([](SourceStatus& s) { s.size = 2; }));
  CHECK(differs([](SourceStatus& s) { s.inode = 2; }));
  CHECK(differs([](SourceStatus& s) { s.mtime = 2; }));
  CHECK(differs([](SourceStatus& s) { s.mtime_ns = 2; }));
  CHECK(differs([](SourceStatus& s) { s.ctime = 2; }));
  CHECK(differs([](SourceStatus& s) { s.ctime_ns = 2; }));
  // A backup changes these itself, or they say nothing.
  CHECK_FALSE(differs([](SourceStatus& s) { s.blocks = 2; }));
  CHECK_FALSE(differs([](SourceStatus& s) { s.device = 2; }));
}

// ---- Extended attributes ----

struct FileWithAttributes {
  TemporaryFolder folder;
  File file = *open_file(folder / "file", O_RDWR | O_CREAT);
  std::vector<std::string> stored;

  // False where the file system has none.
  bool set(const std::string& name, const std::string& value) const {
    return ::fsetxattr(file.descriptor(), name.c_str(), value.data(), value.size(), 0) == 0;
  }
  StoreValue store() {
    return [this](ByteSpan value) -> Result<std::vector<Slice>> {
      stored.emplace_back(as_text(value));
      return std::vector<Slice>{{ChunkId{}, 0, value.size()}};
    };
  }
  std::vector<Xattr> read() {
    auto found = read_xattrs(file.descriptor(), store());
    REQUIRE_MESSAGE(found, found.error().message);
    return *std::move(found);
  }
};

TEST_CASE("a stamp of just now may be given once more, whichever of the two it is") {
  constexpr std::int64_t kNow = 1'700'000'000;
  SourceStatus status;
  status.seen = kNow * 1'000'000'000 + 500'000'000;
  const auto with = [&](std::int64_t mtime, std::int64_t ctime, std::uint32_t nanoseconds) {
    status.mtime = mtime;
    status.ctime = ctime;
    status.mtime_ns = status.ctime_ns = nanoseconds;
    return is_racy(status, Stamps::ours);
  };
  CHECK(with(kNow, kNow, 499'000'000));
  CHECK_FALSE(with(kNow, kNow, 400'000'000));
  CHECK(with(kNow - 1000, kNow, 499'000'000));
  // Set to a time that is to come.
  CHECK(with(kNow + 1'000'000, kNow, 499'000'000));
  CHECK_FALSE(with(kNow + 1'000'000, kNow - 1000, 499'000'000));
}

TEST_CASE("where another clock may have stamped a file all of the last day is just now") {
  constexpr std::int64_t kNow = 1'700'000'000, kHour = 3'600;
  SourceStatus status;
  status.seen = kNow * 1'000'000'000 + 500'000'000;
  const auto with = [&](std::int64_t mtime, std::int64_t ctime, std::uint32_t nanoseconds,
                        Stamps stamps) {
    status.mtime = mtime;
    status.ctime = ctime;
    status.mtime_ns = status.ctime_ns = nanoseconds;
    return is_racy(status, stamps);
  };
  CHECK_FALSE(with(kNow - kHour, kNow - kHour, 1, Stamps::ours));
  CHECK(with(kNow - kHour, kNow - kHour, 1, Stamps::unknown));
  CHECK(with(kNow - 30 * kHour, kNow - kHour, 1, Stamps::unknown));
  CHECK(with(kNow + kHour, kNow + kHour, 1, Stamps::unknown));
  CHECK_FALSE(with(kNow - 25 * kHour, kNow - 25 * kHour, 1, Stamps::unknown));
  CHECK_FALSE(with(kNow + 25 * kHour, kNow - 25 * kHour, 1, Stamps::unknown));
  // Whoever stamps without nanoseconds may be a server.
  CHECK(with(kNow - kHour, kNow - kHour, 0, Stamps::ours));
  CHECK_FALSE(with(kNow - 25 * kHour, kNow - 25 * kHour, 0, Stamps::ours));
  // This one has them, and the time was set.
  status.mtime = status.ctime = kNow - kHour;
  status.ctime_ns = 1;
  CHECK_FALSE(is_racy(status, Stamps::ours));
}

TEST_CASE("disks of this machine have its clock, and what is not known to does not") {
  const TemporaryFolder folder;
  SourceStatus status = *source_status(AT_FDCWD, folder.path().c_str());
  status.mtime = status.ctime = status.seen / 1'000'000'000 - 3'600;
  status.mtime_ns = status.ctime_ns = 1;
  struct statfs system {};
  REQUIRE(::statfs(folder.path().c_str(), &system) == 0);
  const bool is_local = system.f_type == EXT4_SUPER_MAGIC || system.f_type == TMPFS_MAGIC;
  const auto disk = open_file(folder.path(), O_RDONLY), kernel = open_file("/proc", O_RDONLY);
  REQUIRE(disk);
  REQUIRE(kernel);
  if (is_local) CHECK_FALSE(is_racy(status, disk->descriptor()));
  CHECK(is_racy(status, kernel->descriptor()));
}

TEST_CASE("a file without attributes has none") {
  FileWithAttributes file;
  CHECK(file.read().empty());
}

TEST_CASE("attributes are read whole and sorted by name") {
  FileWithAttributes file;
  const std::string binary("\0\xff\n", 3);
  if (!file.set("user.b", binary)) return;
  REQUIRE(file.set("user.a", ""));
  REQUIRE(file.set("user.c", "last"));
  CHECK(file.read() ==
        std::vector<Xattr>{{"user.a", "", {}}, {"user.b", binary, {}}, {"user.c", "last", {}}});
}

TEST_CASE("values of more than 512 bytes are stored apart") {
  FileWithAttributes file;
  const std::string small(512, 's'), large(513, 'l');
  if (!file.set("user.small", small)) return;
  REQUIRE(file.set("user.large", large));
  const auto found = file.read();
  REQUIRE(found.size() == 2);
  CHECK(found[0].value.empty());
  REQUIRE(found[0].slices.size() == 1);
  CHECK(found[0].slices[0].length == 513);
  CHECK(found[1] == Xattr{"user.small", small, {}});
  CHECK(file.stored == std::vector{large});

  const auto failed = read_xattrs(
      file.file.descriptor(),
      [](ByteSpan) -> Result<std::vector<Slice>> { return fail(ErrorCode::no_space, "full"); });
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code == ErrorCode::no_space);
}

TEST_CASE("a list of names that is longer than usual is read whole") {
  FileWithAttributes file;
  std::size_t set = 0;
  while (set < 15 && file.set("user." + std::string(100, 'n') + std::to_string(set), "")) ++set;
  if (set < 15) return;  // more than 1,024 bytes
  CHECK(file.read().size() == set);
}

TEST_CASE("attributes of a link are its own, not those of what it leads to") {
  FileWithAttributes file;
  if (!file.set("user.of_file", "x")) return;
  REQUIRE(::symlink("file", (file.folder / "link").c_str()) == 0);
  const auto of_link = read_link_xattrs(file.folder / "link", file.store());
  REQUIRE(of_link);
  CHECK(of_link->empty());
  CHECK(read_link_xattrs(file.folder / "file", file.store())->size() == 1);
  CHECK_FALSE(read_link_xattrs(file.folder / "missing", file.store()));
  if (!is_root() || ::lsetxattr((file.folder / "link").c_str(), "trusted.x", "y", 1, 0) != 0)
    return;
  CHECK(*read_link_xattrs(file.folder / "link", file.store()) ==
        std::vector<Xattr>{{"trusted.x", "y", {}}});
}

TEST_CASE("of the inode flags those are read that can be given back") {
  FileWithAttributes file;
  int flags = 0;
  if (::ioctl(file.file.descriptor(), FS_IOC_GETFLAGS, &flags) != 0) return;
  Entry entry;
  read_inode_flags(file.file.descriptor(), entry);
  CHECK(entry.flags == (static_cast<unsigned>(flags) & FS_FL_USER_MODIFIABLE));
  CHECK((entry.flags & FS_EXTENT_FL) == 0);
  flags |= FS_NODUMP_FL;
  if (::ioctl(file.file.descriptor(), FS_IOC_SETFLAGS, &flags) != 0) return;
  read_inode_flags(file.file.descriptor(), entry);
  CHECK((entry.flags & FS_NODUMP_FL) != 0);
}

TEST_CASE("where there are no inode flags there are none") {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const File output(ends[0]), input(ends[1]);
  Entry entry;
  read_inode_flags(output.descriptor(), entry);
  CHECK(entry.flags == 0);
  CHECK(entry.project == 0);
}

}  // namespace
}  // namespace lagan
