// SPDX-License-Identifier: Apache-2.0
#include "src/engine/device_identities.h"

namespace lagan {

void DeviceIdentities::add(std::uint64_t device, std::uint64_t own) {
  std::uint64_t identity = own != 0 ? own : device;
  // The first one keeps it, for most often there is no second one.
  if (given_.contains(identity)) identity ^= device;
  while (!given_.insert(identity).second) ++identity;
  identities_.emplace(device, identity);
}

}  // namespace lagan
