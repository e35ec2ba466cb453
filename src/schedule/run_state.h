// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a machine remembers of the runs of a profile: when each step was done last, and how it went.
// It says what is due without asking any repository. Lost, it costs a run.

#include <cstdint>
#include <map>
#include <string>

#include "src/schedule/step_words.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/result.h"

namespace lagan {

struct StepRecord {
  Nanoseconds attempted = 0;  // when it was begun last
  Nanoseconds succeeded = 0;  // when that was begun which went well last
  Nanoseconds finished = 0;
  Nanoseconds damage_found = 0;  // when the check was begun that last found any; 0: none is known
  std::string damage;            // what it found
  int failures = 0;              // in a row
  int exit_code = 0;
  std::string error;  // of the last attempt
};

struct RepositoryRecord {
  std::map<Step, StepRecord> steps;
  // Of the newest snapshot of the sources.
  std::string snapshot;
  Nanoseconds snapshot_time = 0;
  std::uint64_t files = 0, bytes = 0, added_bytes = 0;
  Nanoseconds seen = 0;  // when a run first had to do with it
};

struct ProfileRecord {
  std::map<std::string, RepositoryRecord> repositories;  // by their names in the profile
  Nanoseconds failing_since = 0;                         // 0: all went well
  bool is_incomplete = false;    // nothing failed, but something was left out
  Nanoseconds failure_told = 0;  // when somebody was last notified of it
  std::string trouble;           // of the last run
};

// None yet is an empty one; so is one that cannot be understood, which `damage` then describes.
Result<ProfileRecord> load_record(const std::string& folder, const std::string& profile,
                                  std::string& damage);
Result<void> save_record(const std::string& folder, const std::string& profile,
                         const ProfileRecord& record);

// What runs remember that have not the lock, and so must not write the record of the profile. The
// next one that can work takes it over.
std::string name_beside(const std::string& profile);
Result<void> remove_record(const std::string& folder, const std::string& profile);

// One run of a profile at a time, on one machine. It goes with the process.
class RunLock {
 public:
  // `already_exists` says who is running it, and since when.
  static Result<RunLock> take(const std::string& folder, const std::string& profile,
                              const Clock& clock);

 private:
  explicit RunLock(File file) : file_(std::move(file)) {}
  File file_;
};

}  // namespace lagan
