// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a run asks of the machine that it runs on.

#include <memory>
#include <string>

#include "util/result.h"

namespace lagan {

// Is there a way out: a default route of an interface that is up? `root` is "/", but for tests.
bool has_network(const std::string& root);
// False only if a battery is being emptied: a machine without one is always on mains power.
bool has_mains_power(const std::string& root);

// Of this process and those that it will start, for good: who may lower it may not raise it again.
// `ionice` is "", "idle" or "best-effort".
Result<void> lower_priority(int nice, const std::string& ionice);

// Keeps the machine from going to sleep, where systemd lets it, for as long as it lives; `root` as
// above.
class KeepAwake {
 public:
  KeepAwake(const std::string& root, const std::string& why);
  ~KeepAwake();
  KeepAwake(const KeepAwake&) = delete;
  KeepAwake& operator=(const KeepAwake&) = delete;

 private:
  int child_ = -1, pipe_ = -1;
};

}  // namespace lagan
