// SPDX-License-Identifier: Apache-2.0
#pragma once

// What starts `lagan run`: units of systemd, lines of a crontab. Pure texts, the same each time.

#include <string>
#include <utility>
#include <vector>

#include "src/schedule/profile.h"

namespace lagan {

struct TimerOptions {
  std::string program;  // absolute
  std::string config;   // for --config, or empty
  bool is_system = false;
  // Where what starts it has to find what was found when it was installed.
  std::vector<std::pair<std::string, std::string>> variables = {};
};

// What has to be run and when: at each moment of any of its schedules, and every hour, for what
// failed or was missed then. A run that has nothing to do costs next to nothing.
std::vector<Calendar> wake_ups(const Profile& profile);

struct UnitFile {
  std::string name, text;
};
// lagan-NAME.service and lagan-NAME.timer.
std::vector<UnitFile> systemd_units(const Profile& profile, const TimerOptions& options);
std::string timer_name(const std::string& profile);

std::vector<std::string> crontab_lines(const Profile& profile, const TimerOptions& options);
// The crontab with the lines of one profile replaced; without any, they go. Others stay as they
// are. An error if somebody has taken the end of ours away, for then others may stand among them.
Result<std::string> edit_crontab(const std::string& current, const std::string& profile,
                                 const std::vector<std::string>& lines);
// Whose lines it has.
std::vector<std::string> crontab_profiles(const std::string& current);

}  // namespace lagan
