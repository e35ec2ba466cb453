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

#include <array>
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

// Files are finished by several threads: the functions without _r share one record among them.
std::optional<uid_t> user_number(const std::string& name) {
  std::array<char, 4096> buffer;
  passwd record{};
  passwd* found = nullptr;
  ::getpwnam_r(name.c_str(), &record, buffer.data(), buffer.size(), &found);
  return found != nullptr ? std::optional(found->pw_uid) : std::nullopt;
}

std::optional<gid_t> group_number(const std::string& name) {
  std::string buffer(65536, '\0');  // holds the members too
  group record{};
  group* found = nullptr;
  ::getgrnam_r(name.c_str(), &record, buffer.data(), buffer.size(), &found);
  return found != nullptr ? std::optional(found->gr_gid) : std::nullopt;
}

Result<Owner> owner_of(const Entry& entry, bool by_name) {
  const auto user = by_name ? user_number(entry.user) : std::nullopt;
  const auto group = by_name ? group_number(entry.group) : std::nullopt;
  // A larger number would be cut, and the largest that fits means "leave it as it is".
  constexpr std::uint64_t kLargest = 0xffff'fffe;
  if ((!user && entry.uid > kLargest) || (!group && entry.gid > kLargest))
    return fail(ErrorCode::corrupt, "change owner: no user or group has this number");
  return Owner{user.value_or(static_cast<uid_t>(entry.uid)),
               group.value_or(static_cast<gid_t>(entry.gid))};
}

// Only root can give files away; for others that is how it is.
bool is_expected_of_owner(int number) { return number == EPERM && ::geteuid() != 0; }

template <typename Change>
void set_owner(const Entry& entry, const AttributeOptions& options, FirstError& first,
               Change change) {
  const auto owner = owner_of(entry, options.owner_by_name);
  if (!owner) return first.note(owner.error());
  if (change(*owner) != 0 && !is_expected_of_owner(errno)) first.note("change owner", errno);
}

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
    if (::ioctl(descriptor, FS_IOC_FSGETXATTR, &extended) != 0) {
      first.note("read project id", errno);
    } else if (extended.fsx_projid != entry.project) {
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
  set_owner(entry, options, first, [&](const Owner& owner) {
    // A new file is nearly always ours; a folder may have been there, and one with the set-group-id
    // bit hands its group down.
    struct stat now {};
    const bool is_so =
        ::fstat(descriptor, &now) == 0 && now.st_uid == owner.uid && now.st_gid == owner.gid;
    return is_so ? 0 : ::fchown(descriptor, owner.uid, owner.gid);
  });
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
  set_owner(entry, options, first, [&](const Owner& owner) {
    return ::fchownat(folder, name.c_str(), owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW);
  });
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
