// SPDX-License-Identifier: Apache-2.0
#pragma once

// One run of a profile: what is due, in order, with its hooks, once more after a failure, and who
// is told. All that it does to the world goes through RunWorld, so that a test can run a year.

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "src/schedule/command.h"
#include "src/schedule/notify.h"
#include "src/schedule/profile.h"
#include "src/schedule/run_state.h"
#include "src/schedule/step_process.h"
#include "src/schedule/step_words.h"

namespace lagan {

struct RunWorld {
  Clock clock = system_now;
  // Waits so long, or less if the run is to stop.
  std::function<void(Nanoseconds)> wait;
  std::function<bool()> is_stopped = [] { return false; };
  std::stop_token stop;  // the same, for what is being waited for
  RunStep step;
  Notifier::RunCommand command = run_command;
  Notifier::Post post;
  std::function<bool()> has_network, has_power;
  // The machine does not go to sleep before what it returns is gone.
  std::function<std::shared_ptr<void>(const std::string& profile)> keep_awake;
  std::function<void(const std::string&)> say, warn;
  Environment environment;
  std::string host;  // as snapshots have it
  std::string state_folder;
  std::vector<std::string> metrics_with;  // other profiles that have the same notify.metrics-file
};

struct RunOptions {
  // All but prune and check counts as due, and a check that has found damage.
  bool force = false;
  bool dry_run = false;
};

enum class RunResult {
  nothing_due,
  done,
  partial,    // some of the source could not be read, or a hook failed that may
  postponed,  // no network, or no mains power
  failed,
  busy,  // somebody else runs it
  stopped
};

// The steps that are due for one repository.
std::vector<Step> due_steps(const Profile& profile, const RepositoryRecord& record, bool force,
                            Nanoseconds now);

// When a step of any repository is due next: not after now if it is due. 0 if never.
Nanoseconds next_due(const Profile& profile, const ProfileRecord& record, Nanoseconds now);

// Repositories whose newest snapshot is older than twice the schedule, or that a run has known for
// so long without one, in words.
std::vector<std::string> overdue(const Profile& profile, const ProfileRecord& record,
                                 Nanoseconds now);

RunResult run_profile(const Profile& profile, const KnownFlags& flags, const RunWorld& world,
                      const RunOptions& options);

// Tells those who want to know of failures that a mistake in the files of profiles keeps it from
// being run.
void tell_not_run(const Profile& profile, const RunWorld& world, const std::string& why);

}  // namespace lagan
