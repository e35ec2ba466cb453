// SPDX-License-Identifier: Apache-2.0
#include "src/engine/fs_snapshot.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spawn.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "src/engine/source_entry.h"

extern char** environ;

namespace lagan {
namespace {

// The number of every subvolume's top folder (BTRFS_FIRST_FREE_OBJECTID).
constexpr std::uint64_t kSubvolumeInode = 256;

bool lies_in(std::string_view path, std::string_view folder) {
  return folder == "/" || path == folder ||
         (path.starts_with(folder) && path.substr(folder.size()).starts_with('/'));
}

std::string parent_of(const std::string& path) {
  return path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
}

// The mount that `path` lies in: of those at the deepest point the last, which hides the others.
const Mount* mount_of(const std::vector<Mount>& mounts, const std::string& path) {
  const Mount* found = nullptr;
  for (const Mount& mount : mounts) {
    if (lies_in(path, mount.point) && (!found || mount.point.size() >= found->point.size()))
      found = &mount;
  }
  return found;
}

Result<void> run(const SnapshotPlan::Command& command) {
  std::vector<char*> words;
  for (const std::string& word : command)
    words.push_back(const_cast<char*>(word.c_str()));  // NOLINT: posix_spawn
  words.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  // What it says on stdout would end up among ours.
  ::posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
  pid_t child = 0;
  const int error = ::posix_spawnp(&child, words.front(), &actions, nullptr, words.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return fail(system_error("run " + command.front(), error));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return fail(ErrorCode::io, fmt::format("{} failed", fmt::join(command, " ")));
}

// Where the path is below the base, once that is at `folder`.
std::string moved(const std::string& path, const SnapshotPlan& plan) {
  const std::string rest = plan.base == "/" ? path : path.substr(plan.base.size());
  return rest == "/" || rest.empty() ? plan.folder : plan.folder + rest;
}

}  // namespace

SnapshotPlan plan_btrfs(const std::string& subvolume, const std::string& name) {
  const std::string folder = (subvolume == "/" ? "" : subvolume) + "/." + name;
  return {{{"btrfs", "subvolume", "snapshot", "-r", subvolume, folder}},
          {{"btrfs", "subvolume", "delete", folder}},
          subvolume,
          folder};
}

SnapshotPlan plan_zfs(const Mount& mount, const std::string& name) {
  const std::string snapshot = mount.source + "@" + name;
  const std::string folder = (mount.point == "/" ? "" : mount.point) + "/.zfs/snapshot/" + name;
  return {{{"zfs", "snapshot", snapshot}}, {{"zfs", "destroy", snapshot}}, mount.point, folder};
}

Result<SnapshotPlan> plan_lvm(const Mount& mount, std::string_view mapped, const std::string& name,
                              const std::string& scratch) {
  // Hyphens of the names are doubled; a single one lies between group and volume.
  std::string group, volume;
  std::string* part = &group;
  for (std::size_t i = 0; i < mapped.size(); ++i) {
    const bool is_hyphen = mapped[i] == '-';
    const bool is_doubled = is_hyphen && mapped.substr(i + 1).starts_with('-');
    if (is_hyphen && !is_doubled) {
      part = &volume;
      continue;
    }
    *part += mapped[i];
    i += is_doubled ? 1 : 0;
  }
  if (group.empty() || volume.empty() || mount.root != "/") {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} is no volume that can be mounted again", mapped));
  }
  const std::string device = fmt::format("/dev/{}/{}", group, name);
  // XFS refuses a second file system with the same name unless told.
  const std::string options = mount.type == "xfs" ? "ro,nouuid" : "ro";
  return SnapshotPlan{{{"lvcreate", "--quiet", "--snapshot", "--extents", "10%ORIGIN", "--name",
                        name, fmt::format("{}/{}", group, volume)},
                       {"mount", "-t", mount.type, "-o", options, device, scratch}},
                      {{"umount", scratch}, {"lvremove", "--quiet", "--yes", group + "/" + name}},
                      mount.point,
                      scratch};
}

FsSnapshots::FsSnapshots(std::string name, Note note)
    : name_(std::move(name)), note_(std::move(note)) {}

FsSnapshots::~FsSnapshots() {
  for (auto plan = taken_.rbegin(); plan != taken_.rend(); ++plan) {
    for (const SnapshotPlan::Command& command : plan->release) {
      if (auto released = run(command); !released)
        note_(fmt::format("a snapshot may be left over: {}", released.error().message));
    }
  }
  for (const std::string& folder : scratch_) ::rmdir(folder.c_str());
}

Result<SnapshotPlan> FsSnapshots::plan(const std::string& path) {
  const std::vector<Mount> mounts = list_mounts();
  const Mount* mount = mount_of(mounts, path);
  if (mount == nullptr) return fail(ErrorCode::not_found, "lies in no file system");
  const std::string name = fmt::format("{}-{}", name_, taken_.size());
  if (mount->type == "zfs") return plan_zfs(*mount, name);
  if (mount->type == "btrfs") {
    for (std::string folder = path;; folder = parent_of(folder)) {
      const auto status = source_status(AT_FDCWD, folder.c_str());
      if (status && status->kind == EntryKind::directory && status->inode == kSubvolumeInode)
        return plan_btrfs(folder, name);
      if (folder == mount->point) break;
    }
    return fail(ErrorCode::unsupported, "no subvolume is mounted here, only a folder of one");
  }
  const std::string mapper =
      fmt::format("/sys/dev/block/{}:{}/dm/", major(mount->device), minor(mount->device));
  if (read_kernel_file(mapper + "uuid").starts_with("LVM-")) {
    std::string mapped = read_kernel_file(mapper + "name");
    while (mapped.ends_with('\n')) mapped.pop_back();
    std::string scratch = "/tmp/lagan-snapshot-XXXXXX";
    if (::mkdtemp(scratch.data()) == nullptr)
      return fail(system_error("make a folder to mount at", errno));
    scratch_.push_back(scratch);
    return plan_lvm(*mount, mapped, name, scratch);
  }
  return fail(ErrorCode::unsupported,
              fmt::format("lies on {}, which has no snapshots here: btrfs, ZFS and LVM have; leave "
                          "--use-fs-snapshot out",
                          mount->type));
}

Result<std::string> FsSnapshots::source_of(const std::string& path) {
  SnapshotPlan plan = TRY_IN(path, this->plan(path));
  for (const SnapshotPlan& taken : taken_) {
    if (taken.base == plan.base) return moved(path, taken);
  }
  // What was done so far must be undone even if the rest fails: the commands to undo are as many.
  SnapshotPlan done{{}, {}, plan.base, plan.folder};
  for (std::size_t i = 0; i < plan.take.size(); ++i) {
    if (auto taken = run(plan.take[i]); !taken) {
      if (i != 0) taken_.push_back(std::move(done));
      return fail(std::move(taken).error().in("--use-fs-snapshot: " + path));
    }
    done.release.insert(done.release.begin(), plan.release[plan.release.size() - 1 - i]);
  }
  taken_.push_back(std::move(done));
  return moved(path, taken_.back());
}

std::vector<std::string> FsSnapshots::missing_below(const std::string& path) {
  std::vector<std::string> points;
  const std::vector<Mount> mounts = list_mounts();
  for (const Mount& mount : mounts) {
    // Kept on a device, or by another machine.
    const bool holds_files = mount.source.starts_with('/') ||
                             mount.source.find(':') != std::string::npos || mount.type == "zfs";
    if (mount.point != path && lies_in(mount.point, path) && holds_files)
      points.push_back(mount.point);
  }
  return points;
}

}  // namespace lagan
