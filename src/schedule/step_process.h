// SPDX-License-Identifier: Apache-2.0
#pragma once

// Steps as processes of their own: a step that crashes, hangs or eats all memory does not take the
// others, or the notification of it, with it.

#include <functional>
#include <stop_token>
#include <string>

#include "src/schedule/step_words.h"

namespace lagan {

// The code of a step that took longer than it may: that of timeout(1).
constexpr int kTimedOut = 124;

struct StepOutcome {
  int exit_code = 0;
  std::string error;         // in one line, empty if all went well
  bool has_summary = false;  // it came to its end, whatever it found
  // Of a backup that made a snapshot.
  std::string snapshot;
  std::uint64_t files = 0, bytes = 0, added_bytes = 0;

  // Some files could not be read: there is a snapshot all the same.
  bool is_partial() const { return exit_code == 3; }
  bool is_success() const { return exit_code == 0 || is_partial(); }
};
using RunStep = std::function<StepOutcome(const StepOrder&)>;

// `program` is lagan. `say` gets what it tells, line by line.
RunStep step_by_program(std::string program, std::stop_token stop,
                        std::function<void(const std::string&)> say);

}  // namespace lagan
