// SPDX-License-Identifier: Apache-2.0
#include "src/engine/attributes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/fs.h>
#include <pwd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <optional>

namespace lagan {
namespace {

// Keeps the first failure and lets the rest go on.
class FirstError {
 public:
  void note(std::string_view doing, int number) {
    if (!error_) error_ = system_error(doing, number);
  }
  void note(Error error) {
    if (!error_) error_ = std::move(error);
  }
  Result<void> result() && {
    return error_ ? Result<void>(fail(*std::move(error_))) : Result<void>();
  }

 private:
  std::optional<Error> error_;
};

struct Owner {
  uid_t uid;
  gid_t gid;
};

Owner owner_of(const Entry& entry, bool by_name) {
  Owner owner{static_cast<uid_t>(entry.uid), static_cast<gid_t>(entry.gid)};
  if (!by_name) return owner;
  if (const passwd* user = ::getpwnam(entry.user.c_str())) owner.uid = user->pw_uid;
  if (const group* named = ::getgrnam(entry.group.c_str())) owner.gid = named->gr_gid;
  return owner;
}

// Only root can give files away; for others that is how it is.
bool is_expected_of_owner(int number) { return number == EPERM && ::geteuid() != 0; }

void times_of(const Entry& entry, timespec (&times)[2]) {
  times[1] = {entry.mtime, static_cast<long>(entry.mtime_ns)};
  times[0] = entry.atime ? timespec{*entry.atime, static_cast<long>(entry.atime_ns)} : times[1];
}

template <typename Set>
void set_xattrs(const Entry& entry, const AttributeOptions& options, FirstError& first, Set set) {
  for (const Xattr& attribute : entry.xattrs) {
    std::string loaded;
    if (!attribute.slices.empty()) {
      auto value = options.load_value(attribute);
      if (!value) {
        first.note(std::move(value).error().in("attribute " + attribute.name));
        continue;
      }
      loaded = *std::move(value);
    }
    const std::string& value = attribute.slices.empty() ? attribute.value : loaded;
    if (set(attribute.name.c_str(), value.data(), value.size()) != 0) {
      first.note("set attribute " + attribute.name, errno);
    }
  }
}

void set_inode_flags(int descriptor, const Entry& entry, FirstError& first) {
  if (entry.project != 0) {
    fsxattr extended{};
    if (::ioctl(descriptor, FS_IOC_FSGETXATTR, &extended) == 0 &&
        extended.fsx_projid != entry.project) {
      extended.fsx_projid = entry.project;
      if (::ioctl(descriptor, FS_IOC_FSSETXATTR, &extended) != 0)
        first.note("set project id", errno);
    }
  }
  if (entry.flags == 0) return;
  int flags = 0;
  if (::ioctl(descriptor, FS_IOC_GETFLAGS, &flags) != 0)
    return first.note("read inode flags", errno);
  const int wanted =
      (flags & ~static_cast<int>(FS_FL_USER_MODIFIABLE)) | static_cast<int>(entry.flags);
  if (wanted != flags && ::ioctl(descriptor, FS_IOC_SETFLAGS, &wanted) != 0)
    first.note("set inode flags", errno);
}

}  // namespace

Result<void> apply_attributes(int descriptor, const Entry& entry, const AttributeOptions& options) {
  FirstError first;
  const Owner owner = owner_of(entry, options.owner_by_name);
  if ((owner.uid != ::geteuid() || owner.gid != ::getegid()) &&
      ::fchown(descriptor, owner.uid, owner.gid) != 0 && !is_expected_of_owner(errno)) {
    first.note("change owner", errno);
  }
  set_xattrs(entry, options, first, [&](const char* name, const void* value, std::size_t size) {
    return ::fsetxattr(descriptor, name, value, size, 0);
  });
  // After the owner: changing that clears the set-user-id bit.
  if (::fchmod(descriptor, entry.mode) != 0) first.note("change mode", errno);
  timespec times[2];
  times_of(entry, times);
  if (::futimens(descriptor, times) != 0) first.note("set times", errno);
  // Last of all: an immutable file takes nothing else.
  set_inode_flags(descriptor, entry, first);
  return std::move(first).result();
}

Result<void> apply_link_attributes(int folder, const std::string& name, const Entry& entry,
                                   const AttributeOptions& options) {
  FirstError first;
  const Owner owner = owner_of(entry, options.owner_by_name);
  if (::fchownat(folder, name.c_str(), owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW) != 0 &&
      !is_expected_of_owner(errno)) {
    first.note("change owner", errno);
  }
  const std::string path = fmt::format("/proc/self/fd/{}/{}", folder, name);
  set_xattrs(entry, options, first,
             [&](const char* attribute, const void* value, std::size_t size) {
               return ::lsetxattr(path.c_str(), attribute, value, size, 0);
             });
  if (entry.kind != EntryKind::symlink && ::fchmodat(folder, name.c_str(), entry.mode, 0) != 0) {
    first.note("change mode", errno);
  }
  timespec times[2];
  times_of(entry, times);
  if (::utimensat(folder, name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
    first.note("set times", errno);
  return std::move(first).result();
}

}  // namespace lagan
