// SPDX-License-Identifier: Apache-2.0
#include "src/engine/written_systems.h"

#include <fcntl.h>
#include <unistd.h>

namespace lagan {

void WrittenSystems::add(int descriptor, std::uint64_t device) {
  if (systems_.contains(device)) return;
  systems_.emplace(device, File(::fcntl(descriptor, F_DUPFD_CLOEXEC, 0)));
}

Result<void> WrittenSystems::sync() const {
  Result<void> synced;
  for (const auto& [device, file] : systems_) {
    if (::syncfs(file.descriptor()) != 0 && synced)
      synced = fail(system_error("write everything to the disk", errno));
  }
  return synced;
}

}  // namespace lagan
