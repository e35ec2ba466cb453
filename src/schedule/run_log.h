// SPDX-License-Identifier: Apache-2.0
#pragma once

// Where a run leaves what it says, beside standard output: a file that does not grow for ever, the
// journal.

#include <string>

#include "util/clock.h"
#include "util/file.h"
#include "util/result.h"

namespace lagan {

// Each line with its time. At `limit_bytes` the file becomes `path.1`, that `path.2`, up to 4.
// Several processes may write to one, and whoever finds it too long turns it, once.
class LogFile {
 public:
  static Result<LogFile> open(std::string path, Clock clock,
                              std::uint64_t limit_bytes = std::uint64_t{4} << 20);
  Result<void> add(const std::string& line);

 private:
  LogFile(std::string path, Clock clock, std::uint64_t limit_bytes)
      : path_(std::move(path)), clock_(std::move(clock)), limit_bytes_(limit_bytes) {}
  Result<void> reopen();
  Result<void> turn_if_long();

  std::string path_;
  Clock clock_;
  std::uint64_t limit_bytes_;
  File file_;
};

// By way of syslog, which the journal reads too.
void add_to_journal(const std::string& line, bool is_warning);

}  // namespace lagan
