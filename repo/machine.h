// SPDX-License-Identifier: Apache-2.0
#pragma once

// Who and where this process is, as sessions record it: enough for a collector on the same machine
// to see that a writer is gone.

#include <cstdint>
#include <string>

#include "crypto/secret.h"
#include "util/clock.h"

namespace lagan {

struct ProcessIdentity {
  std::string
      machine;  // derived from the machine id under the repository's id key; empty if not known
  std::string boot;  // boot id, 16 bytes; empty if not known
  std::uint32_t pid = 0;
  std::uint64_t pid_started = 0;  // clock ticks after boot
  std::uint64_t pid_namespace = 0;
};

// When the process with this number started, in clock ticks after boot; 0 if there is none.
std::uint64_t process_start(std::uint32_t pid);

ProcessIdentity this_process(const SecretKey& id_key);
std::string host_name();

// How far local time is ahead of UTC here at that time.
std::int32_t utc_offset_minutes(Nanoseconds time);

// "lagan 0.1.0"
std::string program_name();

}  // namespace lagan
