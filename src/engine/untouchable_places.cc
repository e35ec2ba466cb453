// SPDX-License-Identifier: Apache-2.0
#include "src/engine/untouchable_places.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "src/engine/mounts.h"

namespace lagan {
namespace {

// Those that linux/magic.h leaves out.
constexpr std::uint32_t kFuse = 0x65735546;
constexpr std::string_view kOwnMount = "fuse.lagan";
constexpr std::string_view kMountedByLagan = "mounted by lagan";
constexpr std::array<std::pair<std::uint32_t, std::string_view>, 19> kKernelFileSystems{{
    {PROC_SUPER_MAGIC, "proc"},     {SYSFS_MAGIC, "sysfs"},
    {CGROUP_SUPER_MAGIC, "cgroup"}, {CGROUP2_SUPER_MAGIC, "cgroup2"},
    {DEVPTS_SUPER_MAGIC, "devpts"}, {DEBUGFS_MAGIC, "debugfs"},
    {TRACEFS_MAGIC, "tracefs"},     {SECURITYFS_MAGIC, "securityfs"},
    {SELINUX_MAGIC, "selinuxfs"},   {BPF_FS_MAGIC, "bpf"},
    {PSTOREFS_MAGIC, "pstore"},     {BINFMTFS_MAGIC, "binfmt_misc"},
    {NSFS_MAGIC, "nsfs"},           {HUGETLBFS_MAGIC, "hugetlbfs"},
    {0x62656570, "configfs"},       {0xde5e81e4, "efivarfs"},
    {0x65735543, "fusectl"},        {0x19800202, "mqueue"},
    {0x67596969, "rpc_pipefs"},
}};

bool is_mounted_by_lagan(std::uint64_t device) {
  return std::ranges::any_of(list_mounts(), [&](const Mount& mount) {
    return mount.type == kOwnMount && mount.device == device;
  });
}

}  // namespace

UntouchablePlaces::UntouchablePlaces(const std::vector<OwnFolder>& own) {
  for (const OwnFolder& folder : own) {
    // Through links: the folder itself is what counts. One that is not there cannot be met.
    char* resolved = ::realpath(folder.path.c_str(), nullptr);
    if (resolved == nullptr) continue;
    const auto status = source_status(AT_FDCWD, resolved);
    if (status) own_.push_back({resolved, folder.what, status->device, status->inode});
    ::free(resolved);
  }
}

std::string_view UntouchablePlaces::own_folder(std::string_view path,
                                               const SourceStatus& status) const {
  for (const Known& own : own_) {
    if ((own.inode == status.inode && own.device == status.device) || own.path == path)
      return own.what;
  }
  return {};
}

std::string_view UntouchablePlaces::own_place_of(const std::string& path) const& {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    const auto status = source_status_behind(AT_FDCWD, part.c_str());
    if (status) {
      const std::string_view own = own_folder(part, *status);
      if (!own.empty()) return own;
      struct statfs file_system {};
      if (::statfs(part.c_str(), &file_system) == 0 &&
          static_cast<std::uint32_t>(file_system.f_type) == kFuse &&
          is_mounted_by_lagan(status->device))
        return kMountedByLagan;
    }
    if (end == std::string::npos) return {};
  }
}

std::string_view UntouchablePlaces::mounted(int folder, const SourceStatus& status) {
  struct statfs file_system {};
  if (::fstatfs(folder, &file_system) != 0) return {};
  const auto type = static_cast<std::uint32_t>(file_system.f_type);
  if (type == kFuse && is_mounted_by_lagan(status.device)) return kMountedByLagan;
  const auto* const found =
      std::ranges::find(kKernelFileSystems, type, [](const auto& known) { return known.first; });
  return found == kKernelFileSystems.end() ? std::string_view() : found->second;
}

bool UntouchablePlaces::is_own_mount_point(std::string_view path) {
  return std::ranges::any_of(list_mounts(), [&](const Mount& mount) {
    return mount.type == kOwnMount && mount.point == path;
  });
}

}  // namespace lagan
