// SPDX-License-Identifier: Apache-2.0
#pragma once

// What could not be read, for who looks into a mount's `.lagan/errors`. Any thread.

#include <cstdint>
#include <deque>
#include <string>

#include "util/clock.h"
#include "util/mutex.h"

namespace lagan {

// "2026-11-20T14:00:03Z".
std::string utc_text(Nanoseconds time);

class ErrorLog {
 public:
  explicit ErrorLog(Clock clock) : clock_(std::move(clock)), changed_(clock_()) {}

  // One line. The same as one of the last is not told again: whoever reads a damaged place tries
  // it page by page.
  void add(const std::string& what);

  struct State {
    std::string text;  // the last lines
    Nanoseconds changed = 0;
    std::uint64_t count = 0;  // of all lines that were ever told
  };
  State state() const;

 private:
  struct Line {
    std::string what, text;
  };
  const Clock clock_;
  mutable Mutex mutex_;
  std::deque<Line> lines_ GUARDED_BY(mutex_);
  Nanoseconds changed_ GUARDED_BY(mutex_);
  std::uint64_t count_ GUARDED_BY(mutex_) = 0;
};

}  // namespace lagan
