// SPDX-License-Identifier: Apache-2.0
#pragma once

// How profiles and commands meet: which flags a profile may set, and the words of the command lines
// that it stands for.

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "src/schedule/profile.h"
#include "src/schedule/step_words.h"

namespace lagan::cli {

class Context;

// All that make sense there, from the commands themselves.
KnownFlags known_flags(const CLI::App& app);

// The value of a global flag that profile_flags.cc alone reads: "--config". Empty without it.
std::string global_value(const CLI::App& app, const char* flag);

// From the file that was named, else those of /etc/lagan and of the user.
Configuration load_configuration(const CLI::App& app);
// `invalid_argument` names all that is wrong.
Result<Configuration> load_sound_configuration(const CLI::App& app);
// Those that were named, or all.
Result<std::vector<const Profile*>> choose_profiles(const Configuration& loaded,
                                                    const std::vector<std::string>& names);

// Where this machine remembers its runs.
Result<std::string> state_folder();

// The host of snapshots, where no flag names another.
std::string own_host();

// The words of a command line with those of the profile that it names with -P put in, where it says
// nothing itself; the environment is set as the profile wants it. `app` has parsed the words.
Result<std::vector<std::string>> with_profile(const CLI::App& app, const Context& context,
                                              const std::vector<std::string>& words);

}  // namespace lagan::cli
