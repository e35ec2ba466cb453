// SPDX-License-Identifier: Apache-2.0
#pragma once

// A mount tree in the name space of the system, served by FUSE's low-level interface. All that the
// rest of the program sees of FUSE is this.

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "mount/mount_tree.h"
#include "util/result.h"

namespace lagan {

struct SessionOptions {
  std::string mountpoint;  // absolute, and fit for it (mount/mountpoint.h)
  std::string source;      // what the table of mounts names as mounted
  bool allow_other = false;
  // The kernel judges by mode and ACL who may read what; else whoever sees the mount reads all.
  bool checks_permissions = false;
  // Each may be at a request that a storage does not answer, while others are served.
  std::size_t threads = 32;
};

class Session {
 public:
  // What keeps it from being mounted is told with what to do about it. Borrows the tree.
  static Result<std::unique_ptr<Session>> mount(MountTree& tree, const SessionOptions& options);
  virtual ~Session() = default;

  // Answers until somebody unmounts it, or until the stop: then it is unmounted here. Open files
  // fail from then on.
  virtual Result<void> serve(std::stop_token stop) = 0;
};

}  // namespace lagan
