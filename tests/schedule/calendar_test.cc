// SPDX-License-Identifier: Apache-2.0
#include "src/schedule/calendar.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <ctime>

namespace lagan {
namespace {

constexpr Nanoseconds kSecond = 1'000'000'000, kHour = 3600 * kSecond;

// The process's time zone, for one test.
struct Zone {
  explicit Zone(const char* name) {
    ::setenv("TZ", name, 1);
    ::tzset();
  }
  ~Zone() {
    ::unsetenv("TZ");
    ::tzset();
  }
};
// As rules, so that no zone database is needed.
constexpr const char* kBerlin = "CET-1CEST,M3.5.0,M10.5.0/3";

Nanoseconds utc(int year, int month, int day, int hour, int minute, int second = 0) {
  std::tm time{};
  time.tm_year = year - 1900;
  time.tm_mon = month - 1;
  time.tm_mday = day;
  time.tm_hour = hour;
  time.tm_min = minute;
  time.tm_sec = second;
  return ::timegm(&time) * kSecond;
}

Calendar calendar(const char* text) {
  auto parsed = Calendar::parse(text);
  REQUIRE_MESSAGE(parsed, text);
  return *std::move(parsed);
}

}  // namespace

TEST_CASE("each way to write a schedule has its moments") {
  const Zone zone("UTC");
  // A Wednesday.
  const Nanoseconds now = utc(2026, 7, 15, 10, 20, 5);
  const struct {
    const char* text;
    Nanoseconds last, next;
  } cases[] = {
      {"hourly", utc(2026, 7, 15, 10, 0), utc(2026, 7, 15, 11, 0)},
      {"every 15m", utc(2026, 7, 15, 10, 15), utc(2026, 7, 15, 10, 30)},
      {"every 1h", utc(2026, 7, 15, 10, 0), utc(2026, 7, 15, 11, 0)},
      {"every 6h", utc(2026, 7, 15, 6, 0), utc(2026, 7, 15, 12, 0)},
      {"*:05,35", utc(2026, 7, 15, 10, 5), utc(2026, 7, 15, 10, 35)},
      {"daily", utc(2026, 7, 15, 0, 0), utc(2026, 7, 16, 0, 0)},
      {"03:00", utc(2026, 7, 15, 3, 0), utc(2026, 7, 16, 3, 0)},
      {"Daily 18:30,06:00", utc(2026, 7, 15, 6, 0), utc(2026, 7, 15, 18, 30)},
      {"weekly", utc(2026, 7, 13, 0, 0), utc(2026, 7, 20, 0, 0)},
      {"weekly Sunday 03:00", utc(2026, 7, 12, 3, 0), utc(2026, 7, 19, 3, 0)},
      {"sat,tue 12:00", utc(2026, 7, 14, 12, 0), utc(2026, 7, 18, 12, 0)},
      {"sat..mon 12:00", utc(2026, 7, 13, 12, 0), utc(2026, 7, 18, 12, 0)},
      {"hourly thu", utc(2026, 7, 9, 23, 0), utc(2026, 7, 16, 0, 0)},
      {"monthly", utc(2026, 7, 1, 0, 0), utc(2026, 8, 1, 0, 0)},
      {"monthly 1,15 10:20", utc(2026, 7, 15, 10, 20), utc(2026, 8, 1, 10, 20)},
      {"yearly", utc(2026, 1, 1, 0, 0), utc(2027, 1, 1, 0, 0)},
  };
  for (const auto& each : cases) {
    INFO(each.text);
    CHECK(calendar(each.text).last(now) == each.last);
    CHECK(calendar(each.text).next(now) == each.next);
    CHECK(calendar(each.text).last(each.next) == each.next);
    CHECK(calendar(each.text).next(each.last - 1) == each.last);
  }
}

TEST_CASE("what is no schedule is refused with examples") {
  for (const char* text :
       {"", "sometimes", "25:00", "3:7", "every", "every 7m", "every 5h", "every 0m", "mon..fry",
        "monthly 31", "monthly 0", "weekly 3", "hourly 03:00", "03:00 04:00", "mon tue wed thu fri",
        "monthly 1 mon 03:00", "monthly *:15", "every -5m", "every 99999999999999999999m"}) {
    INFO(text);
    CHECK_FALSE(Calendar::parse(text));
  }
}

TEST_CASE("every day of summer time has its backup, once") {
  const Zone zone(kBerlin);
  const Calendar night = calendar("02:30");
  // On the 29th of March clocks go from 2 to 3.
  CHECK(night.next(utc(2026, 3, 28, 12, 0)) == utc(2026, 3, 29, 1, 30));  // 03:30 by the wall
  CHECK(night.next(utc(2026, 3, 29, 1, 30)) == utc(2026, 3, 30, 0, 30));
  // On the 25th of October 02:30 comes twice.
  CHECK(night.next(utc(2026, 10, 24, 12, 0)) == utc(2026, 10, 25, 0, 30));
  CHECK(night.next(utc(2026, 10, 25, 0, 30)) == utc(2026, 10, 26, 1, 30));
  CHECK(night.last(utc(2026, 10, 25, 23, 0)) == utc(2026, 10, 25, 0, 30));
  SUBCASE("and over a year") {
    int count = 0;
    for (Nanoseconds at = utc(2026, 1, 1, 0, 0); (at = night.next(at)) < utc(2027, 1, 1, 0, 0);)
      ++count;
    CHECK(count == 365);
  }
}

TEST_CASE("hourly means every hour also when clocks are changed") {
  const Zone zone(kBerlin);
  const Calendar hourly = calendar("hourly");
  int count = 0;
  for (Nanoseconds at = utc(2025, 12, 31, 23, 0), next = 0; at < utc(2026, 12, 31, 22, 0);
       at = next) {
    next = hourly.next(at);
    CHECK(next == at + kHour);
    CHECK(hourly.last(next) == next);
    ++count;
  }
  CHECK(count == 365 * 24 - 1);
}

TEST_CASE("it is due when a moment has come since it was begun last") {
  const Zone zone("UTC");
  const Calendar hourly = calendar("hourly");
  const Nanoseconds done = utc(2026, 7, 15, 10, 0, 3);
  CHECK(is_due(hourly, 0, done));
  CHECK_FALSE(is_due(hourly, done, done + 1));
  CHECK_FALSE(is_due(hourly, done, utc(2026, 7, 15, 10, 59, 59)));
  CHECK(is_due(hourly, done, utc(2026, 7, 15, 11, 0)));
  // The clock has been put back.
  CHECK(is_due(hourly, done, done - 1));
}

TEST_CASE("it is overdue after twice the time between two moments") {
  const Zone zone("UTC");
  const Calendar hourly = calendar("hourly"), workdays = calendar("mon..fri 12:00");
  const Nanoseconds done = utc(2026, 7, 15, 10, 0, 3);
  CHECK_FALSE(is_overdue(hourly, done, utc(2026, 7, 15, 12, 0)));
  CHECK(is_overdue(hourly, done, utc(2026, 7, 15, 12, 0, 4)));
  // Friday noon is not too old on Monday morning.
  const Nanoseconds friday = utc(2026, 7, 17, 12, 1);
  CHECK_FALSE(is_overdue(workdays, friday, utc(2026, 7, 20, 11, 0)));
  CHECK(is_overdue(workdays, friday, utc(2026, 7, 21, 12, 0)));
}

TEST_CASE("systemd and cron are told the same") {
  const auto told = [](const char* text) {
    return std::pair(calendar(text).systemd(), calendar(text).cron());
  };
  using Lines = std::vector<std::string>;
  CHECK(told("hourly") == std::pair(Lines{"*-*-* *:00:00"}, Lines{"0 * * * *"}));
  CHECK(told("every 30m") == std::pair(Lines{"*-*-* *:00,30:00"}, Lines{"0,30 * * * *"}));
  CHECK(told("mon..wed 06:05,18:30") ==
        std::pair(Lines{"Mon,Tue,Wed *-*-* 06:05:00", "Mon,Tue,Wed *-*-* 18:30:00"},
                  Lines{"5 6 * * 1,2,3", "30 18 * * 1,2,3"}));
  CHECK(told("monthly 1,15") == std::pair(Lines{"*-*-01,15 00:00:00"}, Lines{"0 0 1,15 * *"}));
  CHECK(told("yearly") == std::pair(Lines{"*-01-01 00:00:00"}, Lines{"0 0 1 1 *"}));
}

}  // namespace lagan
