// SPDX-License-Identifier: Apache-2.0
#pragma once

// Puts units of systemd and lines of a crontab in place, and takes them away. The same call twice
// changes nothing the second time.

#include <string>
#include <vector>

#include "src/schedule/timers.h"

namespace lagan {

enum class Starter { systemd, crontab };
bool has_systemd();

struct Installed {
  std::string profile;
  Starter starter = Starter::systemd;
  std::string where;  // "timer lagan-home.timer", "the crontab"
  std::string unit;   // of systemd
};

// What install() would write.
std::string printed(const Profile& profile, const TimerOptions& options, Starter starter);
// Both return in sentences what they have done.
Result<std::vector<std::string>> install(const Profile& profile, const TimerOptions& options,
                                         Starter starter);
Result<std::vector<std::string>> remove(const std::string& profile, const TimerOptions& options);
// What cannot be looked at is told in `unknown`.
Result<std::vector<Installed>> list_installed(const TimerOptions& options,
                                              std::vector<std::string>& unknown);
// Is its next time waited for?
bool is_active(const Installed& installed, const TimerOptions& options);

// Writes `time-machine = true` below the header of the profile in its file, which keeps its owner
// and permissions. Refuses if the profile itself says that it is none.
Result<void> add_time_machine(const Profile& profile);

}  // namespace lagan
