// SPDX-License-Identifier: Apache-2.0
#pragma once

// What tells the file systems of a run apart, the same from boot to boot where they have identities
// of their own (device numbers are dealt out anew). Two that are mounted at once can have the same:
// a clone of a disk, a snapshot of a volume. One thread.

#include <cstdint>
#include <unordered_map>
#include <unordered_set>

namespace lagan {

class DeviceIdentities {
 public:
  bool contains(std::uint64_t device) const { return identities_.contains(device); }
  // `own` is what the file system says that it is; 0: nothing.
  void add(std::uint64_t device, std::uint64_t own);
  std::uint64_t at(std::uint64_t device) const { return identities_.at(device); }

 private:
  std::unordered_map<std::uint64_t, std::uint64_t> identities_;  // by device number
  std::unordered_set<std::uint64_t> given_;
};

}  // namespace lagan
