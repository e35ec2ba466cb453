// SPDX-License-Identifier: Apache-2.0
#include "src/engine/attributes.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pwd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "src/engine/source_entry.h"
#include "tests/engine/source_tree.h"
#include "tests/util/temporary_folder.h"
#include "util/file.h"

namespace lagan {
namespace {

// A file, and an entry that asks for nothing unusual.
struct Restored {
  TemporaryFolder folder;
  File file = *open_file(folder / "file", O_RDWR | O_CREAT);
  Entry entry;
  AttributeOptions options;
  Bearer bearer = Bearer::fresh;

  Restored() {
    entry.name = "file";
    entry.mode = 0640;
    entry.uid = ::geteuid();
    entry.gid = ::getegid();
    entry.mtime = 1'500'000'000;
    entry.mtime_ns = 123'456'789;
  }
  Result<void> apply() {
    return apply_attributes(file.descriptor(), entry, "/file", options, bearer);
  }
  // The error's message; the rest must have been done all the same.
  std::string failure() {
    const auto applied = apply();
    REQUIRE_FALSE(applied);
    CHECK(status().mode == entry.mode);
    CHECK(status().mtime == entry.mtime);
    CHECK(status().mtime_ns == entry.mtime_ns);
    return applied.error().message;
  }
  SourceStatus status() const { return *source_status(file.descriptor(), ""); }
  std::string xattr(const char* name) const {
    std::string value(1000, '\0');
    const ssize_t size = ::fgetxattr(file.descriptor(), name, value.data(), value.size());
    return size < 0 ? "(none)" : value.substr(0, static_cast<std::size_t>(size));
  }
  bool has_user_xattrs() const {
    return ::fsetxattr(file.descriptor(), "user.probe", "", 0, 0) == 0 &&
           ::fremovexattr(file.descriptor(), "user.probe") == 0;
  }
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("mode and times come back to the last bit and nanosecond") {
  Restored restored;
  for (const std::uint32_t mode : {0640U, 0U, 0777U, 04755U, 02711U, 01700U}) {
    restored.entry.mode = mode;
    REQUIRE(restored.apply());
    CHECK(restored.status().mode == mode);
  }
  CHECK(restored.status().mtime == 1'500'000'000);
  CHECK(restored.status().mtime_ns == 123'456'789);
  restored.entry.mtime = -5;  // 1969
  restored.entry.mtime_ns = 999'999'999;
  REQUIRE(restored.apply());
  CHECK(restored.status().mtime == -5);
  CHECK(restored.status().mtime_ns == 999'999'999);
}

TEST_CASE("the time of access is the entry's, or else that of change") {
  Restored restored;
  struct stat status {};
  REQUIRE(restored.apply());
  REQUIRE(::fstat(restored.file.descriptor(), &status) == 0);
  CHECK(status.st_atim.tv_sec == restored.entry.mtime);
  CHECK(status.st_atim.tv_nsec == 123'456'789);
  restored.entry.atime = 1'400'000'000;
  restored.entry.atime_ns = 7;
  REQUIRE(restored.apply());
  REQUIRE(::fstat(restored.file.descriptor(), &status) == 0);
  CHECK(status.st_atim.tv_sec == 1'400'000'000);
  CHECK(status.st_atim.tv_nsec == 7);
  CHECK(restored.status().mtime == 1'500'000'000);
}

TEST_CASE("extended attributes come back as they were read") {
  Restored restored;
  if (!restored.has_user_xattrs()) return;
  const std::string binary("a\0b\xff", 4);
  restored.entry.xattrs = {{"user.binary", binary, {}}, {"user.empty", "", {}}};
  REQUIRE(restored.apply());
  const auto read = read_xattrs(restored.file.descriptor(),
                                [](ByteSpan) -> Result<std::vector<Slice>> { return {}; });
  REQUIRE(read);
  CHECK(*read == restored.entry.xattrs);
}

TEST_CASE("the value of a large attribute is loaded when it is needed") {
  Restored restored;
  if (!restored.has_user_xattrs()) return;
  restored.entry.xattrs = {{"user.large", "", {{ChunkId{}, 0, 600}}}, {"user.small", "s", {}}};
  SUBCASE("and set") {
    restored.options.load_value = [](const Xattr& attribute) -> Result<std::string> {
      return "value of " + attribute.name;
    };
    REQUIRE(restored.apply());
    CHECK(restored.xattr("user.large") == "value of user.large");
  }
  SUBCASE("or it is missing, and all else is set") {
    restored.options.load_value = [](const Xattr&) -> Result<std::string> {
      return fail(ErrorCode::not_found, "chunk 00 is in no index");
    };
    const std::string message = restored.failure();
    CHECK(contains(message, "user.large"));
    CHECK(contains(message, "chunk 00"));
    CHECK(restored.xattr("user.large") == "(none)");
  }
  CHECK(restored.xattr("user.small") == "s");
}

TEST_CASE("an attribute that cannot be set is an error with its name") {
  Restored restored;
  restored.entry.xattrs = {{"nonsense.name", "x", {}}, {"user.after", "y", {}}};
  CHECK(contains(restored.failure(), "nonsense.name"));
  if (restored.has_user_xattrs()) CHECK(restored.xattr("user.after") == "y");
}

TEST_CASE("root gives files their owner, and set-user-id survives that") {
  if (!is_root()) return;
  Restored restored;
  restored.entry.uid = 12'345;
  restored.entry.gid = 54'321;
  restored.entry.mode = 06755;
  REQUIRE(restored.apply());
  CHECK(restored.status().uid == 12'345);
  CHECK(restored.status().gid == 54'321);
  CHECK(restored.status().mode == 06755);
}

TEST_CASE("what lets others do more is given only with the owner and group that give it") {
  if (!is_root()) return;
  Restored restored;
  FidelityReport report;
  restored.options.fidelity = &report;
  restored.entry.mode = 06755;
  // cap_net_raw+ep, as the kernel writes it.
  const std::string capability("\1\0\0\2\0\40\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  restored.entry.xattrs = {{"security.capability", capability, {}}};
  const bool has_capabilities = ::fsetxattr(restored.file.descriptor(), "security.capability",
                                            capability.data(), capability.size(), 0) == 0;
  (void)::fremovexattr(restored.file.descriptor(), "security.capability");
  bool is_given = false;
  SUBCASE("the owner is not to be given") {
    restored.options.keeps_owner = true;
    restored.entry.uid = 12'345;
  }
  SUBCASE("the group is not to be given") {
    restored.options.keeps_owner = true;
    restored.entry.gid = 12'345;
  }
  SUBCASE("no file can have the owner") { restored.entry.uid = std::uint64_t{1} << 32; }
  SUBCASE("it belongs to them anyway") {
    restored.options.keeps_owner = true;
    is_given = true;
  }
  SUBCASE("they are given") {
    restored.entry.uid = restored.entry.gid = 12'345;
    is_given = true;
  }
  (void)restored.apply();
  CHECK(restored.status().mode == (is_given ? 06755 : 0755));
  if (has_capabilities)
    CHECK(restored.xattr("security.capability") == (is_given ? capability : "(none)"));
  std::vector<Trait> lost;
  for (const Loss& loss : report.losses()) lost.push_back(loss.trait);
  if (is_given) CHECK(std::ranges::find(lost, Trait::set_id) == lost.end());
  if (!is_given) CHECK(lost == std::vector{Trait::capability, Trait::set_id});
}

TEST_CASE("what belongs to somebody else comes back to the one who restores") {
  if (!is_root()) return;
  Restored restored;
  REQUIRE(::fchown(restored.file.descriptor(), 12'345, 54'321) == 0);
  restored.entry.uid = 0;
  restored.entry.gid = 0;
  REQUIRE(restored.apply());
  CHECK(restored.status().uid == 0);
  CHECK(restored.status().gid == 0);
}

TEST_CASE("an owner that no file can have is an error") {
  Restored restored;
  const SourceStatus before = restored.status();
  SUBCASE("a number that is too large") { restored.entry.uid = std::uint64_t{1} << 32; }
  SUBCASE("a group that is too large") { restored.entry.gid = std::uint64_t{1} << 32; }
  SUBCASE("the number that means no change") { restored.entry.uid = 0xffff'ffff; }
  CHECK(contains(restored.failure(), "owner"));
  CHECK(restored.status().uid == before.uid);
  CHECK(restored.status().gid == before.gid);
}

TEST_CASE("an owner known by name goes before the number if that is wished for") {
  if (!is_root()) return;
  Restored restored;
  restored.entry.uid = 12'345;
  restored.entry.gid = 54'321;
  restored.entry.user = "root";
  restored.entry.group = "no such group";
  REQUIRE(restored.apply());
  CHECK(restored.status().uid == 12'345);
  restored.options.owner_by_name = true;
  REQUIRE(restored.apply());
  CHECK(restored.status().uid == 0);
  CHECK(restored.status().gid == 54'321);
}

TEST_CASE("several threads look names up without mixing them up") {
  const passwd* daemon = ::getpwnam("daemon");
  if (!is_root() || daemon == nullptr) return;
  const uid_t wanted[] = {0, daemon->pw_uid};
  std::atomic<int> wrong = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        Restored restored;
        restored.entry.user = t % 2 == 0 ? "root" : "daemon";
        restored.options.owner_by_name = true;
        for (int i = 0; i < 500; ++i) {
          if (!restored.apply() || restored.status().uid != wanted[t % 2]) ++wrong;
        }
      });
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("inode flags come back, and an immutable file gets all else first") {
  Restored restored;
  int flags = 0;
  if (::ioctl(restored.file.descriptor(), FS_IOC_GETFLAGS, &flags) != 0) return;
  const auto flags_now = [&] {
    int now = 0;
    REQUIRE(::ioctl(restored.file.descriptor(), FS_IOC_GETFLAGS, &now) == 0);
    return static_cast<unsigned>(now);
  };
  restored.entry.flags = FS_NODUMP_FL;
  REQUIRE(restored.apply());
  CHECK((flags_now() & FS_NODUMP_FL) != 0);
  constexpr unsigned kNotOurs = ~static_cast<unsigned>(FS_FL_USER_MODIFIABLE);
  CHECK((flags_now() & kNotOurs) == (static_cast<unsigned>(flags) & kNotOurs));
  if (!is_root()) return;
  restored.entry.flags = FS_IMMUTABLE_FL;
  restored.entry.mtime_ns = 5;
  const auto applied = restored.apply();
  CHECK((flags_now() & FS_IMMUTABLE_FL) != 0);
  REQUIRE(::ioctl(restored.file.descriptor(), FS_IOC_SETFLAGS, &flags) == 0);
  REQUIRE_MESSAGE(applied, applied.error().message);
  CHECK(restored.status().mtime_ns == 5);
}

TEST_CASE("flags and project of a file system that has none are an error") {
  Restored restored;
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const File output(ends[0]), input(ends[1]);
  restored.file = File(::dup(ends[1]));
  REQUIRE(restored.apply());
  SUBCASE("flags") {
    restored.entry.flags = FS_NODUMP_FL;
    CHECK(contains(restored.failure(), "flags"));
  }
  SUBCASE("project") {
    restored.entry.project = 7;
    CHECK(contains(restored.failure(), "project"));
  }
}

TEST_CASE("with a report, what cannot be represented is told there and is no error") {
  Restored restored;
  FidelityReport report;
  restored.options.fidelity = &report;
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const File output(ends[0]), input(ends[1]);
  restored.file = File(::dup(ends[1]));
  restored.entry.flags = FS_NODUMP_FL;
  restored.entry.project = 7;
  restored.entry.btime = 1;
  for (int i = 0; i < 5; ++i) CHECK(restored.apply());
  const auto losses = report.losses();
  REQUIRE(losses.size() == 3);
  for (const Loss& loss : losses) {
    CHECK(loss.entries == 5);
    CHECK(loss.examples == std::vector<std::string>(3, "/file"));
  }
  CHECK(losses[0].trait == Trait::flags);
  CHECK(losses[1].trait == Trait::project);
  CHECK(losses[2].trait == Trait::btime);
}

TEST_CASE("what was there loses the attributes that its entry does not have") {
  Restored restored;
  if (!restored.has_user_xattrs()) return;
  restored.entry.xattrs = {{"user.kept", "new", {}}};
  REQUIRE(::fsetxattr(restored.file.descriptor(), "user.kept", "old", 3, 0) == 0);
  REQUIRE(::fsetxattr(restored.file.descriptor(), "user.other", "old", 3, 0) == 0);
  REQUIRE(restored.apply());
  CHECK(restored.xattr("user.other") == "old");
  restored.bearer = Bearer::used;
  REQUIRE(restored.apply());
  CHECK(restored.xattr("user.other") == "(none)");
  CHECK(restored.xattr("user.kept") == "new");
}

TEST_CASE("the first error is told, whatever follows") {
  Restored restored;
  const File only_a_place = *open_file(restored.folder / "file", O_PATH);
  const auto applied = apply_attributes(only_a_place.descriptor(), restored.entry, "/file", {});
  REQUIRE_FALSE(applied);
  CHECK(contains(applied.error().message, "mode"));
}

// ---- What cannot be opened ----

struct RestoredLink : Restored {
  File parent = *open_file(folder.path(), O_RDONLY | O_DIRECTORY);

  RestoredLink() {
    entry.name = "link";
    entry.kind = EntryKind::symlink;
    REQUIRE(::symlink("file", (folder / "link").c_str()) == 0);
  }
  Result<void> apply_to(const std::string& name) {
    return apply_link_attributes(parent.descriptor(), name, entry, "/link", options);
  }
};

TEST_CASE("a symlink gets owner and times, and its target keeps its own") {
  RestoredLink link;
  const SourceStatus target = link.status();
  if (is_root()) link.entry.uid = link.entry.gid = 12'345;
  REQUIRE(link.apply_to("link"));
  const SourceStatus status = *source_status(link.parent.descriptor(), "link");
  CHECK(status.kind == EntryKind::symlink);
  CHECK(status.mtime == 1'500'000'000);
  CHECK(status.mtime_ns == 123'456'789);
  CHECK(status.uid == link.entry.uid);
  CHECK(link.status().mtime == target.mtime);
  CHECK(link.status().mtime_ns == target.mtime_ns);
  CHECK(link.status().mode == target.mode);
  CHECK(link.status().uid == target.uid);
}

TEST_CASE("a pipe gets its mode too") {
  RestoredLink link;
  link.entry.kind = EntryKind::fifo;
  link.entry.mode = 0612;
  REQUIRE(::mkfifo((link.folder / "pipe").c_str(), 0600) == 0);
  REQUIRE(link.apply_to("pipe"));
  CHECK(source_status(link.parent.descriptor(), "pipe")->mode == 0612);
  CHECK(source_status(link.parent.descriptor(), "pipe")->mtime_ns == 123'456'789);
}

TEST_CASE("what a link cannot have is an error, and never goes to its target") {
  RestoredLink link;
  link.entry.xattrs = {{"user.name", "x", {}}};
  const auto applied = link.apply_to("link");
  REQUIRE_FALSE(applied);
  CHECK(contains(applied.error().message, "user.name"));
  CHECK(link.xattr("user.name") == "(none)");
  CHECK(source_status(link.parent.descriptor(), "link")->mtime_ns == 123'456'789);
  CHECK_FALSE(link.apply_to("missing"));
}

}  // namespace
}  // namespace lagan
