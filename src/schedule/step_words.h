// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a profile asks for, as command lines of lagan: each step of a run is one. Pure but for
// secrets, which are fetched from where the profile says they are.

#include <string>
#include <utility>
#include <vector>

#include "src/schedule/command.h"
#include "src/schedule/profile.h"

namespace lagan {

enum class Step { backup, forget, prune, check };
std::string step_name(Step step);

using Variables = std::vector<std::pair<std::string, std::string>>;

struct StepOrder {
  std::string profile, repository;  // the latter by its name in the profile, "" for the only one
  Step step = Step::backup;
  std::string dump;                // the name of the one that is saved; "" for all else
  std::vector<std::string> words;  // "backup", "--tag=…", …
  Variables variables;             // to be added to the environment
  Priority priority;               // for whoever runs it to say
  Nanoseconds timeout = 0;         // 0: none
};

// One, for each dump one more in front of a backup, or none for a step that the profile does not
// have. Fails if a secret cannot be had.
Result<std::vector<StepOrder>> step_orders(const Profile& profile, const std::string& repository,
                                           Step step, const std::string& host,
                                           const KnownFlags& flags, const Environment& environment);

// The global flags for one repository of a profile, and what to add to the environment. Of the ways
// to say one thing there is but one in it.
struct Access {
  std::vector<std::string> words;
  Variables variables;
};
Result<Access> repository_access(const Profile& profile, const std::string& repository,
                                 const KnownFlags& flags, const Environment& environment);
// What the profile adds to the environment of all that it runs, and what is said of one of its
// repositories, if one is named.
Result<Variables> own_variables(const Profile& profile, const std::string& repository,
                                const Environment& environment);
// The flags of one command. Of backup those of the profile itself, of others those of its table.
std::vector<std::string> flag_words(const Profile& profile, const std::string& table,
                                    const std::vector<KnownFlag>& flags);

// The policy of a profile, which does not judge what others have saved in the repository. Empty
// without one.
std::vector<std::string> forget_words(const Profile& profile, const std::string& host,
                                      const KnownFlags& flags);

// The tag of everything that a profile saves, by which its policy finds what it may forget.
std::string profile_tag(const Profile& profile);

}  // namespace lagan
