// SPDX-License-Identifier: Apache-2.0
#include "src/engine/source_entry.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <pwd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "repo/limits.h"

namespace lagan {
namespace {

// Larger values are stored as chunks.
constexpr std::size_t kInlineValueBytes = 512;

EntryKind kind_of(std::uint32_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return EntryKind::directory;
    case S_IFLNK:
      return EntryKind::symlink;
    case S_IFCHR:
      return EntryKind::character_device;
    case S_IFBLK:
      return EntryKind::block_device;
    case S_IFIFO:
      return EntryKind::fifo;
    case S_IFSOCK:
      return EntryKind::socket;
    default:
      return EntryKind::file;
  }
}

// Both ways to name what attributes are read of.
struct XattrTarget {
  int descriptor = -1;
  const char* path = nullptr;

  ssize_t list(char* buffer, std::size_t size) const {
    return path != nullptr ? ::llistxattr(path, buffer, size)
                           : ::flistxattr(descriptor, buffer, size);
  }
  ssize_t get(const char* name, void* buffer, std::size_t size) const {
    return path != nullptr ? ::lgetxattr(path, name, buffer, size)
                           : ::fgetxattr(descriptor, name, buffer, size);
  }
};

Result<std::string> xattr_names(const XattrTarget& target) {
  std::array<char, 1024> small;
  const ssize_t first = target.list(small.data(), small.size());
  if (first >= 0) return std::string(small.data(), static_cast<std::size_t>(first));
  if (errno == ENOTSUP || errno == ENOSYS) return std::string();
  if (errno != ERANGE) return fail(system_error("list attributes", errno));
  // 64 KiB is the kernel's limit for the list.
  std::string names(XATTR_LIST_MAX, '\0');
  const ssize_t size = target.list(names.data(), names.size());
  if (size < 0) return fail(system_error("list attributes", errno));
  names.resize(static_cast<std::size_t>(size));
  return names;
}

Result<std::string> xattr_value(const XattrTarget& target, const std::string& name) {
  std::string value(kInlineValueBytes, '\0');
  ssize_t size = target.get(name.c_str(), value.data(), value.size());
  if (size < 0 && errno == ERANGE) {
    value.resize(XATTR_SIZE_MAX);
    size = target.get(name.c_str(), value.data(), value.size());
  }
  if (size < 0) return fail(system_error("read attribute " + name, errno));
  value.resize(static_cast<std::size_t>(size));
  return value;
}

Result<std::vector<Xattr>> read_all(const XattrTarget& target, const StoreValue& store_value) {
  std::vector<Xattr> found;
  const std::string names = TRY(xattr_names(target));
  for (std::size_t at = 0; at < names.size();) {
    const std::string name = names.c_str() + at;
    at += name.size() + 1;
    auto value = xattr_value(target, name);
    if (!value && errno == ENODATA) continue;  // removed meanwhile
    Xattr attribute{name, TRY(std::move(value)), {}};
    if (attribute.value.size() > kInlineValueBytes) {
      attribute.slices = TRY(store_value(as_bytes(attribute.value)));
      attribute.value.clear();
    }
    found.push_back(std::move(attribute));
  }
  std::ranges::sort(found, {}, &Xattr::name);
  return found;
}

template <typename Lookup>
std::string remembered(std::unordered_map<std::uint64_t, std::string>& names, std::uint64_t number,
                       Lookup lookup) {
  const auto it = names.find(number);
  return it != names.end() ? it->second : names.emplace(number, lookup(number)).first->second;
}

std::string look_up_user(std::uint64_t uid) {
  std::array<char, 4096> buffer;
  passwd record{};
  passwd* found = nullptr;
  ::getpwuid_r(static_cast<uid_t>(uid), &record, buffer.data(), buffer.size(), &found);
  return found != nullptr ? found->pw_name : "";
}

std::string look_up_group(std::uint64_t gid) {
  std::string buffer(65536, '\0');
  group record{};
  group* found = nullptr;
  ::getgrgid_r(static_cast<gid_t>(gid), &record, buffer.data(), buffer.size(), &found);
  return found != nullptr ? found->gr_name : "";
}

}  // namespace

namespace {

Result<SourceStatus> status_of(int directory, const char* name, int flags) {
  struct statx raw {};
  const Nanoseconds now = system_now();
  flags |= AT_NO_AUTOMOUNT | (*name == '\0' ? AT_EMPTY_PATH : 0);
  if (::statx(directory, name, flags, STATX_BASIC_STATS | STATX_BTIME, &raw) != 0) {
    return fail(system_error("stat", errno));
  }
  SourceStatus status;
  status.kind = kind_of(raw.stx_mode);
  status.mode = raw.stx_mode & 07777;
  status.uid = raw.stx_uid;
  status.gid = raw.stx_gid;
  status.size = raw.stx_size;
  status.inode = raw.stx_ino;
  status.device = makedev(raw.stx_dev_major, raw.stx_dev_minor);
  status.links = raw.stx_nlink;
  status.blocks = raw.stx_blocks;
  status.mtime = raw.stx_mtime.tv_sec;
  status.mtime_ns = raw.stx_mtime.tv_nsec;
  status.ctime = raw.stx_ctime.tv_sec;
  status.ctime_ns = raw.stx_ctime.tv_nsec;
  status.is_nodump = (raw.stx_attributes & STATX_ATTR_NODUMP) != 0;
  status.has_btime = (raw.stx_mask & STATX_BTIME) != 0;
  status.btime = raw.stx_btime.tv_sec;
  status.btime_ns = raw.stx_btime.tv_nsec;
  status.rdev_major = raw.stx_rdev_major;
  status.rdev_minor = raw.stx_rdev_minor;
  status.seen = now;
  return status;
}

}  // namespace

Result<SourceStatus> source_status(int directory, const char* name) {
  return status_of(directory, name, AT_SYMLINK_NOFOLLOW);
}

Result<SourceStatus> source_status_behind(int directory, const char* name) {
  return status_of(directory, name, 0);
}

namespace {

// File systems whose times are of this machine's clock. All others may get theirs from a server.
constexpr std::array<std::uint32_t, 20> kStampedHere{
    EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC, TMPFS_MAGIC,
    RAMFS_MAGIC, OVERLAYFS_SUPER_MAGIC, REISERFS_SUPER_MAGIC, NILFS_SUPER_MAGIC, MSDOS_SUPER_MAGIC,
    SQUASHFS_MAGIC, EROFS_SUPER_MAGIC_V1, ISOFS_SUPER_MAGIC,
    // Which <linux/magic.h> does not have, or not always: ZFS, bcachefs, exFAT, NTFS, HFS+, UBIFS,
    // JFS.
    0x2fc1'2fc1, 0xca45'1a4e, 0x2011'bab0, 0x7366'746e, 0x482b, 0x2405'1905, 0x3153'464a};

Stamps stamps_of(int descriptor) {
  struct statfs system {};
  const bool is_known =
      ::fstatfs(descriptor, &system) == 0 &&
      std::ranges::find(kStampedHere, static_cast<std::uint32_t>(system.f_type)) !=
          kStampedHere.end();
  return is_known ? Stamps::ours : Stamps::unknown;
}

constexpr Nanoseconds kSecond = 1'000'000'000;
constexpr std::int64_t kDay = 86'400;

bool is_within_a_day(const SourceStatus& status) {
  const std::int64_t seen = status.seen / kSecond;
  const auto is_near = [&](std::int64_t stamp) {
    return stamp > seen - kDay && stamp < seen + kDay;
  };
  return is_near(status.mtime) || is_near(status.ctime);
}

}  // namespace

bool is_racy(const SourceStatus& status, int descriptor) {
  // Most files are old, and what they lie in need not be asked.
  return is_within_a_day(status) && is_racy(status, stamps_of(descriptor));
}

bool is_racy(const SourceStatus& status, Stamps stamps) {
  // Servers without nanoseconds are not told from disks without them everywhere.
  if (stamps == Stamps::unknown || (status.mtime_ns == 0 && status.ctime_ns == 0))
    return is_within_a_day(status);
  // Kernels stamp with a clock that ticks every 1 to 10 ms; file systems without nanoseconds every
  // 1 to 2 s.
  constexpr Nanoseconds kTick = 20'000'000, kCoarse = 2'000'000'000;
  const auto is_of_now = [&](std::int64_t stamp, std::uint32_t nanoseconds) {
    const Nanoseconds margin = nanoseconds == 0 ? kCoarse : kTick;
    // Long past, or of the future: no stamp of now can equal it.
    const std::int64_t seconds = status.seen / kSecond;
    if (stamp < seconds - 5 || stamp > seconds + 1) return false;
    return stamp * kSecond + nanoseconds + margin >= status.seen;
  };
  return is_of_now(status.mtime, status.mtime_ns) || is_of_now(status.ctime, status.ctime_ns);
}

std::string OwnerNames::user(std::uint64_t uid) {
  const MutexLock lock(mutex_);
  return remembered(users_, uid, look_up_user);
}

std::string OwnerNames::group(std::uint64_t gid) {
  const MutexLock lock(mutex_);
  return remembered(groups_, gid, look_up_group);
}

Entry entry_of(std::string name, const SourceStatus& status, OwnerNames& owners) {
  Entry entry;
  entry.name = std::move(name);
  entry.kind = status.kind;
  entry.mode = status.mode;
  entry.uid = status.uid;
  entry.gid = status.gid;
  entry.user = owners.user(status.uid);
  entry.group = owners.group(status.gid);
  entry.mtime = status.mtime;
  entry.mtime_ns = status.mtime_ns;
  if (status.has_btime) {
    entry.btime = status.btime;
    entry.btime_ns = status.btime_ns;
  }
  // Of what is larger, nothing is stored but that it is there.
  if (status.kind == EntryKind::file) entry.size = std::min(status.size, limits::kFileBytes);
  if (status.kind == EntryKind::character_device || status.kind == EntryKind::block_device) {
    entry.rdev_major = status.rdev_major;
    entry.rdev_minor = status.rdev_minor;
  }
  return entry;
}

Result<std::vector<Xattr>> read_xattrs(int descriptor, const StoreValue& store_value) {
  return read_all({descriptor, nullptr}, store_value);
}

Result<std::vector<Xattr>> read_link_xattrs(const std::string& path,
                                            const StoreValue& store_value) {
  return read_all({-1, path.c_str()}, store_value);
}

void read_inode_flags(int descriptor, Entry& entry) {
  fsxattr extended{};
  if (::ioctl(descriptor, FS_IOC_FSGETXATTR, &extended) == 0) entry.project = extended.fsx_projid;
  int flags = 0;
  if (::ioctl(descriptor, FS_IOC_GETFLAGS, &flags) == 0) {
    entry.flags = static_cast<std::uint32_t>(flags) & kKeptInodeFlags;
  }
}

Result<std::string> read_link_target(int directory, const char* name) {
  std::string target(4096, '\0');
  const ssize_t size = ::readlinkat(directory, name, target.data(), target.size());
  if (size < 0) return fail(system_error("read link", errno));
  target.resize(static_cast<std::size_t>(size));
  return target;
}

}  // namespace lagan
