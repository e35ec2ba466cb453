// SPDX-License-Identifier: Apache-2.0
#include "src/engine/target_probe.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "util/file.h"
#include "util/hex.h"

namespace lagan {
namespace {

// A folder with one file in it.
class Probe {
 public:
  static Result<Probe> create(int above) {
    Probe probe;
    std::array<std::byte, 8> random{};
    if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size()))
      return fail(system_error("get random bytes", errno));
    probe.name_ = ".lagan-probe-" + to_hex(random);
    if (::mkdirat(above, probe.name_.c_str(), 0700) != 0)
      return fail(system_error("create a folder to try it", errno));
    probe.above_ = File(::fcntl(above, F_DUPFD_CLOEXEC, 0));
    probe.folder_ = File(::openat(above, probe.name_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    probe.file_ = File(::openat(probe.folder(), "file", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!probe.file_.is_open()) return fail(system_error("create a file to try it", errno));
    return probe;
  }
  Probe(Probe&&) noexcept = default;
  Probe& operator=(Probe&&) = delete;
  ~Probe() {
    if (!above_.is_open()) return;
    for (const char* name : {"file", "other"}) (void)::unlinkat(folder(), name, 0);
    (void)::unlinkat(above_.descriptor(), name_.c_str(), AT_REMOVEDIR);
  }

  bool can(Trait trait) const;

 private:
  Probe() = default;
  int folder() const { return folder_.descriptor(); }
  int file() const { return file_.descriptor(); }
  bool takes_xattr(const char* name, std::string_view value) const {
    return ::fsetxattr(file(), name, value.data(), value.size(), 0) == 0;
  }
  // `returned` of what made "other".
  bool made(int returned) const {
    (void)::unlinkat(folder(), "other", 0);
    return returned == 0;
  }
  bool takes_times() const;
  bool takes_holes() const;
  bool takes_flags() const;
  bool takes_project() const;
  bool takes_set_id() const;

  File above_, folder_, file_;
  std::string name_;
};

bool Probe::takes_times() const {
  for (const timespec time :
       {timespec{-1'000'000'000, 123'456'789}, {4'300'000'000, 987'654'321}}) {
    const timespec times[2] = {time, time};
    struct stat status {};
    if (::futimens(file(), times) != 0 || ::fstat(file(), &status) != 0 ||
        status.st_mtim.tv_sec != time.tv_sec || status.st_mtim.tv_nsec != time.tv_nsec)
      return false;
  }
  return true;
}

bool Probe::takes_holes() const {
  return ::ftruncate(file(), 1 << 20) == 0 &&
         ::fallocate(file(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 1 << 20) == 0 &&
         ::lseek(file(), 0, SEEK_DATA) < 0;
}

bool Probe::takes_flags() const {
  int flags = 0;
  if (::ioctl(file(), FS_IOC_GETFLAGS, &flags) != 0) return false;
  flags |= FS_NODUMP_FL;
  return ::ioctl(file(), FS_IOC_SETFLAGS, &flags) == 0;
}

bool Probe::takes_project() const {
  fsxattr extended{};
  if (::ioctl(file(), FS_IOC_FSGETXATTR, &extended) != 0) return false;
  extended.fsx_projid = 4711;
  return ::ioctl(file(), FS_IOC_FSSETXATTR, &extended) == 0;
}

// Those of somebody else, for which the owner has to be given too.
bool Probe::takes_set_id() const {
  struct stat status {};
  return ::fchown(file(), 1, 1) == 0 && ::fchmod(file(), 06600) == 0 &&
         ::fstat(file(), &status) == 0 && (status.st_mode & 07777) == 06600;
}

bool Probe::can(Trait trait) const {
  // user::rw- user:1:rw- group::--- mask::rw- other::---, as the kernel reads it.
  using namespace std::string_view_literals;
  constexpr std::string_view kAcl =
      "\2\0\0\0"
      "\1\0\6\0\377\377\377\377"
      "\2\0\6\0\1\0\0\0"
      "\4\0\0\0\377\377\377\377"
      "\20\0\6\0\377\377\377\377"
      "\40\0\0\0\377\377\377\377"sv;
  constexpr std::string_view kNoCapability =
      "\0\0\0\2"
      "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"sv;
  switch (trait) {
    case Trait::owner:
      return ::fchown(file(), 1, 1) == 0;
    case Trait::xattr:
      return takes_xattr("user.lagan", "x");
    case Trait::acl:
      return takes_xattr("system.posix_acl_access", kAcl);
    case Trait::capability:
      return takes_xattr("security.capability", kNoCapability);
    case Trait::selinux:
      return takes_xattr("security.selinux", "system_u:object_r:tmp_t:s0\0"sv);
    case Trait::flags:
      return takes_flags();
    case Trait::project:
      return takes_project();
    case Trait::times:
      return takes_times();
    case Trait::btime:
      return false;  // no kernel sets it
    case Trait::holes:
      return takes_holes();
    case Trait::hardlink:
      return made(::linkat(folder(), "file", folder(), "other", 0));
    case Trait::symlink:
      return made(::symlinkat("file", folder(), "other"));
    case Trait::device:
      return made(::mknodat(folder(), "other", S_IFCHR | 0600, makedev(1, 3)));
    case Trait::fifo:
      return made(::mkfifoat(folder(), "other", 0600));
    case Trait::socket:
      return made(::mknodat(folder(), "other", S_IFSOCK | 0600, 0));
    case Trait::set_id:
      return takes_set_id();
  }
  return false;
}

// `path`, or the nearest folder above it that exists.
Result<File> open_nearest(std::string path) {
  for (;;) {
    auto folder = open_file(path, O_RDONLY | O_DIRECTORY);
    if (folder || folder.error().code != ErrorCode::not_found || path == "/" || path == ".")
      return folder;
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    const std::size_t slash = path.rfind('/');
    path = slash == std::string::npos ? "." : path.substr(0, std::max<std::size_t>(slash, 1));
  }
}

}  // namespace

Result<std::vector<Trait>> find_unrepresentable(const std::string& path,
                                                const std::vector<Trait>& wanted) {
  const File folder = TRY(open_nearest(path));
  const Probe probe = TRY(Probe::create(folder.descriptor()));
  std::vector<Trait> missing;
  std::ranges::copy_if(wanted, std::back_inserter(missing),
                       [&](Trait trait) { return !probe.can(trait); });
  return missing;
}

}  // namespace lagan
