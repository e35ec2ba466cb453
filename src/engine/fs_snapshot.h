// SPDX-License-Identifier: Apache-2.0
#pragma once

// Snapshots of file systems as the source of a backup: all files as they were at one moment. Made
// and removed with the tools of btrfs, ZFS and LVM.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "src/engine/mounts.h"
#include "util/result.h"

namespace lagan {

// How a snapshot is made, where the files of `base` then are, and how it goes.
struct SnapshotPlan {
  using Command = std::vector<std::string>;
  std::vector<Command> take, release;
  std::string base, folder;
};

// `name` is part of the snapshot's name; `scratch` is an empty folder to mount it at. Pure.
SnapshotPlan plan_btrfs(const std::string& subvolume, const std::string& name);
SnapshotPlan plan_zfs(const Mount& mount, const std::string& name);
// `mapped` is the name of the volume as the device mapper has it: "group-volume".
// `invalid_argument` if that is none.
Result<SnapshotPlan> plan_lvm(const Mount& mount, std::string_view mapped, const std::string& name,
                              const std::string& scratch);

// The snapshots of one backup. They go with it; what cannot be removed is told to `note`.
class FsSnapshots {
 public:
  using Note = std::function<void(std::string)>;

  FsSnapshots(std::string name, Note note);
  ~FsSnapshots();
  FsSnapshots(const FsSnapshots&) = delete;
  FsSnapshots& operator=(const FsSnapshots&) = delete;

  // Where `path`, absolute and normalised, lies in a snapshot that is made if there is none yet.
  // Where there can be none, the error says so.
  Result<std::string> source_of(const std::string& path);

  // Mount points below `path` other than the kernel's: the snapshot does not hold what is there.
  static std::vector<std::string> missing_below(const std::string& path);

 private:
  Result<SnapshotPlan> plan(const std::string& path);

  const std::string name_;
  const Note note_;
  std::vector<SnapshotPlan> taken_;
  std::vector<std::string> scratch_;
};

}  // namespace lagan
