// SPDX-License-Identifier: Apache-2.0
#pragma once

// When something is to be done again: "hourly", "03:00", "mon..fri 12:30", "every 15m". Pure but
// for the time zone, which is the process's. Clocks that are changed for summer are no reason to
// miss a moment or to have it twice: a time that a day does not have comes as much later as the
// clock is put forward, of a time that a day has twice the first one counts; what comes every hour
// or oftener comes so all the same.

#include <string>
#include <string_view>
#include <vector>

#include "util/clock.h"
#include "util/result.h"

namespace lagan {

class Calendar {
 public:
  // `invalid_argument` says what can be written.
  static Result<Calendar> parse(std::string_view text);

  // The first moment after `time`, and the last one that is not after it.
  Nanoseconds next(Nanoseconds time) const;
  Nanoseconds last(Nanoseconds time) const;

  const std::string& text() const { return text_; }
  // The same for systemd (OnCalendar=) and for cron (the five fields), one or more of each.
  std::vector<std::string> systemd() const;
  std::vector<std::string> cron() const;

 private:
  bool has_day(int month, int day, int weekday) const;
  Result<bool> take_word(const std::string& word);
  Result<void> take_every(const std::string& length);
  Nanoseconds search(Nanoseconds from, int direction) const;

  std::string text_;
  unsigned weekdays_ = 0;        // bit 0 for Sunday; 0 for all
  std::vector<int> month_days_;  // empty: all
  int month_ = 0;                // 0: all
  bool every_hour_ = false;
  std::vector<int> minutes_;  // of the day or, if it is for every hour, of the hour; ascending
};

// Has a moment come since `last_start`, the start of what was done last (0: never)? A last start in
// the future is that of a clock which has been put back: then too.
bool is_due(const Calendar& calendar, Nanoseconds last_start, Nanoseconds now);
// Is `newest` older than twice the time between two moments?
bool is_overdue(const Calendar& calendar, Nanoseconds newest, Nanoseconds now);

}  // namespace lagan
