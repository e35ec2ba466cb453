// SPDX-License-Identifier: Apache-2.0
#pragma once

// Restores one file of a snapshot, as a rule what --read-special has read from a device, onto a
// block device.

#include "src/cli/context.h"

namespace lagan::cli {

bool is_block_device(const std::string& path);

struct DeviceRestore {
  std::string snapshot;  // SNAPSHOT:PATH of the file
  SnapshotFilter filter;
  std::string device;
  bool dry_run = false, verify = false;
};

// Refuses what is in use, and what is smaller than the file, before anything is written. What lies
// behind the file's end on the device stays.
Result<int> restore_to_device(Context& context, const DeviceRestore& wanted);

}  // namespace lagan::cli
