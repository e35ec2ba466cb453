// SPDX-License-Identifier: Apache-2.0
#pragma once

// The file systems that a restore writes to: its end waits until all of it lies on the disks. One
// thread.

#include <cstdint>
#include <map>

#include "util/file.h"
#include "util/result.h"

namespace lagan {

class WrittenSystems {
 public:
  // `descriptor` is open on something in the file system with this device number.
  void add(int descriptor, std::uint64_t device);
  // Returns when everything that was written there would survive a loss of power.
  Result<void> sync() const;

 private:
  std::map<std::uint64_t, File> systems_;  // by device
};

}  // namespace lagan
