// SPDX-License-Identifier: Apache-2.0
#include "tests/engine/source_tree.h"

#include <dirent.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <random>
#include <sstream>
#include <vector>

#include "crypto/hash.h"
#include "util/file.h"
#include "util/hex.h"

namespace lagan {
namespace {

using Links = std::map<std::pair<dev_t, ino_t>, std::string>;

std::vector<std::string> names_in(int folder) {
  const int copy = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* stream = ::fdopendir(copy);
  std::vector<std::string> names;
  while (const dirent* entry = stream != nullptr ? ::readdir(stream) : nullptr) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  if (stream != nullptr) ::closedir(stream);
  std::sort(names.begin(), names.end());
  return names;
}

std::string xattrs_of(const std::string& path) {
  std::string names(65536, '\0');
  const ssize_t size = ::llistxattr(path.c_str(), names.data(), names.size());
  std::map<std::string, std::string> found;
  for (std::size_t at = 0; size > 0 && at < static_cast<std::size_t>(size);) {
    const std::string name = names.c_str() + at;
    at += name.size() + 1;
    std::string value(65536, '\0');
    const ssize_t length = ::lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
    value.resize(length < 0 ? 0 : static_cast<std::size_t>(length));
    found[name] = value;
  }
  std::string out;
  for (const auto& [name, value] : found) {
    const std::string hex = to_hex(as_bytes(value));
    out += fmt::format(" {}={}", name, hex.size() < 100 ? hex : to_hex(hash(as_bytes(hex))));
  }
  return out;
}

std::string content_of(int descriptor, std::uint64_t size) {
  std::string out;
  // Where the data lies; a file that fits its entry may lose its hole.
  if (size > 256) {
    for (off_t at = 0;;) {
      const off_t data = ::lseek(descriptor, at, SEEK_DATA);
      if (data < 0) break;
      at = ::lseek(descriptor, data, SEEK_HOLE);
      out += fmt::format(" data {}-{}", data, at);
    }
  }
  Hasher hasher;
  Bytes buffer(1 << 20);
  for (std::uint64_t at = 0; at < size;) {
    const auto got = read_at(descriptor, buffer.span(), at);
    if (!got || *got == 0) return out + " unreadable";
    hasher.update(buffer.span().first(*got));
    at += *got;
  }
  return out + " " + to_hex(ByteSpan(hasher.finish()).first(16));
}

std::string describe(int folder, const std::string& name, const std::string& path, Links& links) {
  struct stat status {};
  REQUIRE(::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0);
  std::string out = fmt::format("{:o} {}:{} {}.{:09}", status.st_mode, status.st_uid, status.st_gid,
                                status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
  out += xattrs_of(fmt::format("/proc/self/fd/{}/{}", folder, name));
  if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode))
    out += fmt::format(" device {}:{}", major(status.st_rdev), minor(status.st_rdev));
  if (S_ISLNK(status.st_mode)) {
    std::array<char, 8192> target;
    const ssize_t size = ::readlinkat(folder, name.c_str(), target.data(), target.size());
    out +=
        " -> " + std::string(target.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  }
  if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) {
    const File file(::openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    int flags = 0;
    if (file.is_open() && ::ioctl(file.descriptor(), FS_IOC_GETFLAGS, &flags) == 0)
      out += fmt::format(" flags {:x}", static_cast<unsigned>(flags) & FS_FL_USER_MODIFIABLE);
    if (S_ISREG(status.st_mode)) {
      out += fmt::format(" size {}", status.st_size);
      out += content_of(file.descriptor(), static_cast<std::uint64_t>(status.st_size));
    }
  }
  if (!S_ISDIR(status.st_mode) && status.st_nlink > 1) {
    const auto [it, is_new] = links.try_emplace({status.st_dev, status.st_ino}, path);
    if (!is_new) out += " link to " + it->second;
  }
  return out;
}

void describe_folder(int parent, const std::string& name, const std::string& path, Links& links,
                     std::map<std::string, std::string>& out) {
  const File folder(
      ::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  REQUIRE(folder.is_open());
  out[path] = describe(parent, name, path, links);
  for (const std::string& inner : names_in(folder.descriptor())) {
    const std::string below = path + "/" + inner;
    struct stat status {};
    REQUIRE(::fstatat(folder.descriptor(), inner.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0);
    if (S_ISDIR(status.st_mode)) {
      describe_folder(folder.descriptor(), inner, below, links, out);
    } else {
      out[below] = describe(folder.descriptor(), inner, below, links);
    }
  }
}

void set_flags(const std::string& path, int flags) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  int before = 0;
  if (::ioctl(file.descriptor(), FS_IOC_GETFLAGS, &before) != 0) return;
  flags |= before;
  ::ioctl(file.descriptor(), FS_IOC_SETFLAGS, &flags);
}

std::string noise(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string out(size, '\0');
  for (char& c : out) c = static_cast<char>(random());
  return out;
}

void make_holes(const std::string& folder) {
  const auto sparse = [&](const char* name, off_t size,
                          const std::vector<std::pair<off_t, std::string>>& writes) {
    const File file(::open((folder + "/" + name).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    REQUIRE(::ftruncate(file.descriptor(), size) == 0);
    for (const auto& [at, text] : writes)
      REQUIRE(write_all_at(file.descriptor(), as_bytes(text), static_cast<std::uint64_t>(at)));
  };
  sparse("only a hole", 1'000'000, {});
  sparse("hole in front", 3'000'000, {{2'000'000, noise(900'000, 1)}});
  sparse("hole behind", 3'000'000, {{0, noise(70'000, 2)}});
  sparse("holes between", 20'000'000,
         {{4096, "x"}, {1 << 20, noise(10'000, 3)}, {9'000'000, noise(300'000, 4)}});
  sparse("zeros that were written", 400'000, {{8192, std::string(262'144, '\0')}});
  sparse("mostly a hole", off_t{1} << 26, {{off_t{1} << 25, "in the middle"}});
}

}  // namespace

void write_file(const std::string& path, std::string_view content) {
  const File file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  REQUIRE_MESSAGE(file.is_open(), path);
  REQUIRE(write_all(file.descriptor(), as_bytes(content)));
}

std::string read_text(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}

void set_mtime(const std::string& path, std::int64_t seconds, std::uint32_t nanoseconds) {
  const timespec times[2] = {{seconds, static_cast<long>(nanoseconds)},
                             {seconds, static_cast<long>(nanoseconds)}};
  REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0);
}

bool exists(const std::string& path) {
  return ::faccessat(AT_FDCWD, path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

bool is_root() { return ::geteuid() == 0; }

void make_odd_tree(const std::string& folder) {
  const auto at = [&](const std::string& name) { return folder + "/" + name; };
  write_file(at("empty"), "");
  write_file(at("one byte"), "x");
  write_file(at("inline at most"), std::string(256, 'i'));
  write_file(at("no longer inline"), std::string(257, 'i'));
  write_file(at("noise"), noise(3'000'000, 9));
  write_file(at("text"), std::string(100'000, 't'));
  write_file(at("large"), noise(20'000'000, 10));
  write_file(at("name with\nnewline"), "n");
  write_file(at("100 % {} %s %n"), "percent");
  write_file(at("not \xff\xfe utf-8"), "bytes");
  write_file(at(std::string(255, 'l')), "long name");
  write_file(at("-rf"), "option");
  REQUIRE(::mkdir(at("empty folder").c_str(), 0755) == 0);
  REQUIRE(::mkdir(at("nobody may read").c_str(), 0755) == 0);
  write_file(at("nobody may read/inside"), "secret");
  REQUIRE(::chmod(at("nobody may read/inside").c_str(), 0) == 0);

  write_file(at("setuid"), "s");
  REQUIRE(::chmod(at("setuid").c_str(), 04755) == 0);
  write_file(at("setgid"), "s");
  REQUIRE(::chmod(at("setgid").c_str(), 02711) == 0);
  REQUIRE(::mkdir(at("sticky").c_str(), 0755) == 0);
  REQUIRE(::chmod(at("sticky").c_str(), 01777) == 0);

  REQUIRE(::symlink("text", at("link").c_str()) == 0);
  REQUIRE(::symlink("/nowhere/at all", at("dangling").c_str()) == 0);
  REQUIRE(::symlink("not \xff utf-8", at("odd target").c_str()) == 0);
  REQUIRE(::symlink(std::string(4000, 'x').c_str(), at("long target").c_str()) == 0);
  REQUIRE(::symlink("..", at("link to a folder").c_str()) == 0);
  set_mtime(at("dangling"), 1'000'000'001, 5);

  REQUIRE(::mkdir(at("linked").c_str(), 0755) == 0);
  REQUIRE(::link(at("noise").c_str(), at("linked/noise too").c_str()) == 0);
  REQUIRE(::link(at("empty").c_str(), at("linked/empty too").c_str()) == 0);
  REQUIRE(::link(at("one byte").c_str(), at("linked/a byte").c_str()) == 0);
  REQUIRE(::link(at("link").c_str(), at("linked/link too").c_str()) == 0);
  REQUIRE(::mkfifo(at("fifo").c_str(), 0640) == 0);
  REQUIRE(::link(at("fifo").c_str(), at("linked/fifo too").c_str()) == 0);
  {
    const File socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    // Paths of sockets are short, so from within.
    const std::string name = fmt::format("/proc/self/cwd/socket");
    std::copy(name.begin(), name.end(), address.sun_path);
    std::array<char, 4096> before;
    REQUIRE(::getcwd(before.data(), before.size()) != nullptr);
    REQUIRE(::chdir(folder.c_str()) == 0);
    const sockaddr* general = static_cast<sockaddr*>(static_cast<void*>(&address));
    CHECK(::bind(socket.descriptor(), general, sizeof address) == 0);
    REQUIRE(::chdir(before.data()) == 0);
  }

  make_holes(folder);

  ::setxattr(at("text").c_str(), "user.small", "value", 5, 0);
  ::setxattr(at("text").c_str(), "user.empty", "", 0, 0);
  ::setxattr(at("text").c_str(), "user.100 % \xff", "odd name", 8, 0);
  const std::string big = noise(3000, 11);
  ::setxattr(at("text").c_str(), "user.big", big.data(), big.size(), 0);
  ::setxattr(at("empty folder").c_str(), "user.big", big.data(), 700, 0);
  ::setxattr(at("sticky").c_str(), "user.small", "f", 1, 0);

  set_flags(at("inline at most"), FS_NODUMP_FL | FS_NOATIME_FL);
  set_flags(at("sticky"), FS_NODUMP_FL);

  if (is_root()) {
    REQUIRE(::lchown(at("text").c_str(), 1234, 5678) == 0);
    REQUIRE(::lchown(at("dangling").c_str(), 77, 78) == 0);
    REQUIRE(::lchown(at("linked").c_str(), 79, 80) == 0);
    REQUIRE(::lchown(at("setuid").c_str(), 81, 82) == 0);
    REQUIRE(::chmod(at("setuid").c_str(), 04755) == 0);
    REQUIRE(::mknod(at("null").c_str(), S_IFCHR | 0666, makedev(1, 3)) == 0);
    REQUIRE(::mknod(at("loop").c_str(), S_IFBLK | 0660, makedev(7, 300)) == 0);
    ::setxattr(at("noise").c_str(), "trusted.lagan", "t", 1, 0);
    ::lsetxattr(at("dangling").c_str(), "trusted.link", "t", 1, 0);
    // cap_net_raw+ep
    const std::string capability("\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
    write_file(at("capable"), "c");
    ::setxattr(at("capable").c_str(), "security.capability", capability.data(), capability.size(),
               0);
    write_file(at("immutable"), "for ever");
    write_file(at("append only"), "log");
  }
  const std::string quoted = "'" + folder + "'";
  if (std::system("command -v setfacl >/dev/null") == 0) {
    (void)std::system(
        ("cd " + quoted +
         " && touch acl && mkdir aclfolder && setfacl -m u:4321:rwx,g:99:r acl && "
         "setfacl -m u:4321:rx -d -m u:4322:rwx,g::r aclfolder && touch aclfolder/heir")
            .c_str());
  }

  set_mtime(at("one byte"), -1'000'000'000, 123'456'789);
  set_mtime(at("text"), 4'500'000'000, 999'999'999);
  set_mtime(at("noise"), 0, 1);
  set_mtime(at("setgid"), -1, 999'999'999);
  set_mtime(at("fifo"), 1'234'567'890, 42);
  set_mtime(at("empty folder"), 1'111'111'111, 11);
  set_mtime(at("linked"), 1'222'222'222, 22);
  if (is_root()) {
    set_flags(at("immutable"), FS_IMMUTABLE_FL);
    set_flags(at("append only"), FS_APPEND_FL);
  }
  set_mtime(folder, 1'333'333'333, 33);
}

void make_deep_tree(const std::string& folder, const std::string& name, std::size_t depth) {
  File at(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (std::size_t i = 0; i < depth; ++i) {
    REQUIRE(::mkdirat(at.descriptor(), name.c_str(), 0755) == 0);
    at = File(::openat(at.descriptor(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    REQUIRE(at.is_open());
  }
  const File file(::openat(at.descriptor(), "bottom", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  REQUIRE(write_all(file.descriptor(), as_bytes("deep")));
}

std::map<std::string, std::string> describe_tree(const std::string& folder) {
  std::map<std::string, std::string> out;
  Links links;
  describe_folder(AT_FDCWD, folder, "", links, out);
  return out;
}

std::string difference(const std::map<std::string, std::string>& expected,
                       const std::map<std::string, std::string>& found) {
  std::string out;
  std::size_t count = 0;
  const auto add = [&](const std::string& path, const char* what, const std::string& text) {
    if (++count <= 10) out += fmt::format("{}\n  {}: {}\n", path, what, text);
  };
  for (const auto& [path, text] : expected) {
    const auto it = found.find(path);
    if (it == found.end()) {
      add(path, "missing", text);
    } else if (it->second != text) {
      add(path, "expected", text + "\n  found:    " + it->second);
    }
  }
  for (const auto& [path, text] : found) {
    if (!expected.contains(path)) add(path, "too many", text);
  }
  if (count > 10) out += fmt::format("… {} differences\n", count);
  return out;
}

void remove_tree(const std::string& folder) {
  const std::function<void(int, const std::string&)> remove_in = [&](int parent,
                                                                     const std::string& name) {
    if (::unlinkat(parent, name.c_str(), 0) == 0) return;
    const File entry(
        ::openat(parent, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!entry.is_open()) return;
    int flags = 0;
    if (::ioctl(entry.descriptor(), FS_IOC_GETFLAGS, &flags) == 0 &&
        (flags & (FS_IMMUTABLE_FL | FS_APPEND_FL)) != 0) {
      flags &= ~(FS_IMMUTABLE_FL | FS_APPEND_FL);
      ::ioctl(entry.descriptor(), FS_IOC_SETFLAGS, &flags);
    }
    if (::unlinkat(parent, name.c_str(), 0) == 0) return;
    for (const std::string& inner : names_in(entry.descriptor()))
      remove_in(entry.descriptor(), inner);
    ::unlinkat(parent, name.c_str(), AT_REMOVEDIR);
  };
  remove_in(AT_FDCWD, folder);
}

}  // namespace lagan
