// SPDX-License-Identifier: Apache-2.0
#pragma once

// Programs that a run starts and waits for: steps, hooks, what sends notifications.

#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "util/clock.h"
#include "util/result.h"

namespace lagan {

// How much a program gets of the machine: `limits.nice` and `limits.ionice` of a profile.
struct Priority {
  int nice = 0;
  std::string ionice;  // "", "idle" or "best-effort"
};

struct CommandOrder {
  std::vector<std::string> words;                              // the first one is looked up in PATH
  std::vector<std::pair<std::string, std::string>> variables;  // added to our environment
  std::string input;                                           // on its standard input
  // Every line that it says, while it runs: on standard error, or else on standard output.
  std::function<void(bool is_error, std::string_view line)> on_line;
  // Of it and what it starts; ours stays as it is. One that may not be had is told on its standard
  // error, and it runs with what it has.
  Priority priority;
  Nanoseconds timeout = 0;  // 0: none
  // Has it end, as the timeout does, and our own death: it and all that it has started in its group
  // get SIGTERM, and what is not gone after `grace` is killed.
  std::stop_token stop;
  Nanoseconds grace = Nanoseconds{10} * 1'000'000'000;
};

struct CommandOutcome {
  int exit_code = 0;           // 127 if there is no such program, 128 + n after signal n
  std::string output, errors;  // the end of what it said, at most 64 KiB each
  bool was_cut = false;        // of its output there was more
  bool was_late = false;       // and therefore ended
};

// An error only if no process can be started, or none waited for: SIGCHLD must not be ignored.
Result<CommandOutcome> run_command(const CommandOrder& order);

}  // namespace lagan
