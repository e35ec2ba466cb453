// SPDX-License-Identifier: Apache-2.0
#include "src/engine/attributes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/fs.h>
#include <linux/limits.h>
#include <pwd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "src/engine/source_entry.h"

namespace lagan {
namespace {

constexpr std::uint32_t kSetIds = S_ISUID | S_ISGID;
constexpr std::string_view kCapability = "security.capability";

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

// Whether a failure means that this target, or this user, cannot have the attribute at all.
bool is_unrepresentable(int number) {
  return number == EOPNOTSUPP || number == ENOTTY || number == ENOSYS ||
         ((number == EPERM || number == EACCES) && ::geteuid() != 0);
}

// What all steps of one entry share.
class Applying {
 public:
  Applying(const Entry& entry, std::string_view path, const AttributeOptions& options)
      : entry_(entry), path_(path), options_(options) {}

  template <typename Change>
  void owner(Change change) {
    if (options_.keeps_owner) return;
    const auto owner = owner_of(entry_, options_.owner_by_name);
    if (!owner) return first_.note(owner.error());
    if (change(*owner) == 0) return;
    // Only root can give files away; for others that is how it is.
    const bool is_expected = errno == EPERM && ::geteuid() != 0;
    if (is_expected && options_.fidelity == nullptr) return;
    note(Trait::owner, "change owner", errno, is_expected);
  }
  template <typename Target>
  void weigh_rights(const Target& target);
  template <typename Target>
  void xattrs(const Target& target, Bearer bearer);
  template <typename Target>
  void xattr(const Target& target, const Xattr& attribute);
  template <typename Change>
  void mode(Change change) {
    const std::uint32_t withheld = is_others_ ? entry_.mode & kSetIds : 0;
    if (change(entry_.mode & ~withheld) != 0) first_.note("change mode", errno);
    if (withheld != 0 && options_.fidelity != nullptr)
      options_.fidelity->lost(Trait::set_id, path_);
  }
  template <typename Target>
  void times(const Target& target);
  void birth_time() {
    if (entry_.btime && options_.fidelity != nullptr) options_.fidelity->lost(Trait::btime, path_);
  }
  void project(int descriptor, Bearer bearer);
  void flags(int descriptor, Bearer bearer);

  Result<void> result() && { return std::move(first_).result(); }

 private:
  void note(Trait trait, const std::string& doing, int number, bool is_loss) {
    if (is_loss && options_.fidelity != nullptr) {
      options_.fidelity->lost(trait, path_);
    } else {
      first_.note(doing, number);
    }
  }

  const Entry& entry_;
  const std::string_view path_;
  const AttributeOptions& options_;
  FirstError first_;
  bool is_others_ = false;  // it belongs to somebody else than its entry says, and that matters
};

// Both ways to name what attributes are given to.
struct OpenTarget {
  int descriptor;
  int set_xattr(const char* name, const std::string& value) const {
    return ::fsetxattr(descriptor, name, value.data(), value.size(), 0);
  }
  int remove_xattr(const char* name) const { return ::fremovexattr(descriptor, name); }
  ssize_t list_xattrs(char* names, std::size_t size) const {
    return ::flistxattr(descriptor, names, size);
  }
  int set_times(const timespec (&times)[2]) const { return ::futimens(descriptor, times); }
  int status(struct stat& status) const { return ::fstat(descriptor, &status); }
  bool has_room() const {
    struct statvfs system {};
    return ::fstatvfs(descriptor, &system) == 0 && system.f_bavail > 0;
  }
};
struct NamedTarget {
  int folder;
  const std::string& name;
  std::string path;  // leads there without following
  int set_xattr(const char* attribute, const std::string& value) const {
    return ::lsetxattr(path.c_str(), attribute, value.data(), value.size(), 0);
  }
  int remove_xattr(const char* attribute) const { return ::lremovexattr(path.c_str(), attribute); }
  ssize_t list_xattrs(char* names, std::size_t size) const {
    return ::llistxattr(path.c_str(), names, size);
  }
  int set_times(const timespec (&times)[2]) const {
    return ::utimensat(folder, name.c_str(), times, AT_SYMLINK_NOFOLLOW);
  }
  int status(struct stat& status) const {
    return ::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW);
  }
  bool has_room() const { return OpenTarget{folder}.has_room(); }
};

bool is_wanted(std::string_view name, const AttributeOptions& options) {
  return !options.wants_xattr || options.wants_xattr(name);
}

// What the entry does not have goes. Some names cannot (labels that the system gives); they stay.
template <typename Target>
void remove_others(const Target& target, const Entry& entry, const AttributeOptions& options) {
  // Nearly nothing has any, and the longest list takes 64 KiB.
  if (target.list_xattrs(nullptr, 0) <= 0) return;
  std::string names(XATTR_LIST_MAX, '\0');
  const ssize_t size = target.list_xattrs(names.data(), names.size());
  for (std::size_t at = 0; size > 0 && at < static_cast<std::size_t>(size);) {
    const char* name = names.c_str() + at;
    at += std::strlen(name) + 1;
    if (is_wanted(name, options) &&
        !std::ranges::binary_search(entry.xattrs, std::string_view(name), {},
                                    [](const Xattr& each) { return std::string_view(each.name); }))
      (void)target.remove_xattr(name);
  }
}

// A file that lets whoever runs it do more than they may does so in the name of its owner, for whom
// its group and mode let run it. With another owner or group it would be a gift of somebody who
// never made it, so these bits and capabilities are not given.
template <typename Target>
void Applying::weigh_rights(const Target& target) {
  const bool has_rights =
      (entry_.mode & kSetIds) != 0 ||
      std::ranges::find(entry_.xattrs, kCapability, &Xattr::name) != entry_.xattrs.end();
  if (!has_rights) return;
  const auto owner = owner_of(entry_, options_.owner_by_name);
  struct stat now {};
  is_others_ =
      !owner || target.status(now) != 0 || now.st_uid != owner->uid || now.st_gid != owner->gid;
}

template <typename Target>
void Applying::xattrs(const Target& target, Bearer bearer) {
  if (bearer == Bearer::used) remove_others(target, entry_, options_);
  // An access control list may take the permission to set the others.
  for (const bool lists : {false, true}) {
    for (const Xattr& attribute : entry_.xattrs) {
      const bool is_list = trait_of_xattr(attribute.name) == Trait::acl;
      if (is_list == lists && is_wanted(attribute.name, options_)) xattr(target, attribute);
    }
  }
}

template <typename Target>
void Applying::xattr(const Target& target, const Xattr& attribute) {
  if (is_others_ && attribute.name == kCapability) {
    if (options_.fidelity != nullptr) options_.fidelity->lost(Trait::capability, path_);
    return;
  }
  std::string loaded;
  if (!attribute.slices.empty()) {
    auto value = options_.load_value(attribute);
    if (!value) return first_.note(std::move(value).error().in("attribute " + attribute.name));
    loaded = *std::move(value);
  }
  const std::string& value = attribute.slices.empty() ? attribute.value : loaded;
  if (target.set_xattr(attribute.name.c_str(), value) == 0) return;
  const int number = errno;
  // Some file systems have little room for them, and say that it is the disk.
  const bool is_too_large =
      number == E2BIG || number == ERANGE || (number == ENOSPC && target.has_room());
  note(trait_of_xattr(attribute.name), "set attribute " + attribute.name, number,
       is_too_large || is_unrepresentable(number));
}

template <typename Target>
void Applying::times(const Target& target) {
  timespec times[2];
  times[1] = {entry_.mtime, static_cast<long>(entry_.mtime_ns)};
  times[0] = entry_.atime ? timespec{*entry_.atime, static_cast<long>(entry_.atime_ns)} : times[1];
  if (target.set_times(times) != 0) return first_.note("set times", errno);
  // File systems with a smaller range or coarser times take the nearest and say nothing.
  constexpr std::int64_t kEverywhere = 0x7fff'ffff;
  const bool is_usual = entry_.mtime >= 0 && entry_.mtime <= kEverywhere;
  if (options_.fidelity == nullptr || (is_usual && !options_.fidelity->doubts_times())) return;
  struct stat status {};
  if (target.status(status) == 0 &&
      (status.st_mtim.tv_sec != times[1].tv_sec || status.st_mtim.tv_nsec != times[1].tv_nsec))
    options_.fidelity->lost(Trait::times, path_);
}

void Applying::project(int descriptor, Bearer bearer) {
  if (entry_.project == 0 && bearer == Bearer::fresh) return;
  fsxattr extended{};
  if (::ioctl(descriptor, FS_IOC_FSGETXATTR, &extended) != 0) {
    if (entry_.project != 0)
      note(Trait::project, "read project id", errno, is_unrepresentable(errno));
    return;
  }
  if (extended.fsx_projid == entry_.project) return;
  extended.fsx_projid = entry_.project;
  if (::ioctl(descriptor, FS_IOC_FSSETXATTR, &extended) != 0)
    note(Trait::project, "set project id", errno, is_unrepresentable(errno));
}

void Applying::flags(int descriptor, Bearer bearer) {
  if (entry_.flags == 0 && bearer == Bearer::fresh) return;
  int now = 0;
  if (::ioctl(descriptor, FS_IOC_GETFLAGS, &now) != 0) {
    if (entry_.flags != 0) note(Trait::flags, "read inode flags", errno, is_unrepresentable(errno));
    return;
  }
  const auto kept = static_cast<int>(kKeptInodeFlags), few = int{FS_FL_USER_MODIFIABLE};
  const int asked = static_cast<int>(entry_.flags) & kept;
  int wanted = (now & ~kept) | asked;
  if (wanted == now) return;
  // One that this file system does not know spoils the others.
  if (::ioctl(descriptor, FS_IOC_SETFLAGS, &wanted) == 0) {
    // Some ignore what they do not know.
    if (::ioctl(descriptor, FS_IOC_GETFLAGS, &now) == 0 && (now & asked) != asked)
      note(Trait::flags, "set inode flags", EOPNOTSUPP, true);
    return;
  }
  note(Trait::flags, "set inode flags", errno, is_unrepresentable(errno));
  wanted = (now & ~few) | (asked & few);
  if (wanted != now) (void)::ioctl(descriptor, FS_IOC_SETFLAGS, &wanted);
}

}  // namespace

Result<void> apply_plain_attributes(int descriptor, const Entry& entry, std::string_view path,
                                    const AttributeOptions& options, Bearer bearer) {
  Applying applying(entry, path, options);
  const OpenTarget target{descriptor};
  applying.owner([&](const Owner& owner) {
    // A new file is nearly always ours; a folder may have been there, and one with the set-group-id
    // bit hands its group down.
    struct stat now {};
    const bool is_so =
        ::fstat(descriptor, &now) == 0 && now.st_uid == owner.uid && now.st_gid == owner.gid;
    return is_so ? 0 : ::fchown(descriptor, owner.uid, owner.gid);
  });
  applying.weigh_rights(target);
  applying.xattrs(target, bearer);
  // After the owner: changing that clears the set-user-id bit.
  applying.mode([&](mode_t mode) { return ::fchmod(descriptor, mode); });
  applying.times(target);
  applying.birth_time();
  return std::move(applying).result();
}

Result<void> apply_inode_flags(int descriptor, const Entry& entry, std::string_view path,
                               const AttributeOptions& options, Bearer bearer) {
  Applying applying(entry, path, options);
  applying.project(descriptor, bearer);
  applying.flags(descriptor, bearer);
  return std::move(applying).result();
}

Result<void> apply_attributes(int descriptor, const Entry& entry, std::string_view path,
                              const AttributeOptions& options, Bearer bearer) {
  auto plain = apply_plain_attributes(descriptor, entry, path, options, bearer);
  // Last of all: an immutable file takes nothing else.
  auto flags = apply_inode_flags(descriptor, entry, path, options, bearer);
  return plain ? flags : plain;
}

Result<void> apply_link_attributes(int folder, const std::string& name, const Entry& entry,
                                   std::string_view path, const AttributeOptions& options,
                                   Bearer bearer) {
  Applying applying(entry, path, options);
  const NamedTarget target{folder, name, fmt::format("/proc/self/fd/{}/{}", folder, name)};
  applying.owner([&](const Owner& owner) {
    return ::fchownat(folder, name.c_str(), owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW);
  });
  applying.weigh_rights(target);
  applying.xattrs(target, bearer);
  if (entry.kind != EntryKind::symlink)
    applying.mode([&](mode_t mode) { return ::fchmodat(folder, name.c_str(), mode, 0); });
  applying.times(target);
  applying.birth_time();
  return std::move(applying).result();
}

void remove_inherited(int folder) {
  (void)::fremovexattr(folder, "system.posix_acl_default");
  (void)::fremovexattr(folder, "system.posix_acl_access");
  (void)apply_inode_flags(folder, Entry{}, "", AttributeOptions{}, Bearer::used);
}

}  // namespace lagan
