// SPDX-License-Identifier: Apache-2.0
#pragma once

// The folder at which something is to be mounted, before and afterwards.

#include <optional>
#include <string>

#include "util/result.h"

namespace lagan {

struct MountpointRules {
  // A folder of this machine that must not be covered: the repository.
  std::string repository;
  bool allow_other = false;
  std::string fuse_device = "/dev/fuse";
  std::string fuse_config = "/etc/fuse.conf";
};

// The absolute path of a folder that can be mounted at. What speaks against it is told with what to
// do. A mount whose program has died is taken away.
Result<std::string> prepare_mountpoint(const std::string& path, const MountpointRules& rules);

// What the system's table says is mounted at an absolute path; the last of several counts.
struct MountedThere {
  std::string type;    // "fuse.lagan"
  std::string device;  // its number, "0:55"
};
std::optional<MountedThere> mounted_at(const std::string& path);

// Takes away a mount of lagan. `lazily`: also one that is in use, for whom it then ends.
Result<void> unmount(const std::string& path, bool lazily);

}  // namespace lagan
