// SPDX-License-Identifier: Apache-2.0
#include "src/schedule/calendar.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <ctime>
#include <optional>

namespace lagan {
namespace {

constexpr Nanoseconds kSecond = 1'000'000'000;
constexpr int kHour = 60;  // minutes
constexpr std::array<std::string_view, 7> kWeekdays = {"sun", "mon", "tue", "wed",
                                                       "thu", "fri", "sat"};
// The rarest moment is that of a year, which may begin just now.
constexpr int kDaysToSearch = 2 * 366;

std::time_t seconds_of(Nanoseconds time) {
  return static_cast<std::time_t>(time / kSecond - (time % kSecond < 0 ? 1 : 0));
}

std::tm local_time(std::time_t seconds) {
  std::tm local{};
  ::localtime_r(&seconds, &local);
  return local;
}

std::optional<int> number(std::string_view text, int least, int most) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return {};
  return value < least || value > most ? std::nullopt : std::optional(value);
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(separator, at), text.size());
    parts.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

std::optional<int> weekday(std::string_view name) {
  const auto found = std::ranges::find(kWeekdays, name.substr(0, 3));
  const bool is_short = name.size() == 3 || name.ends_with("day");
  if (found == kWeekdays.end() || !is_short) return {};
  return static_cast<int>(found - kWeekdays.begin());
}

// "mon,thu", "mon..fri"; 0 if it is none.
unsigned weekday_list(const std::string& text) {
  unsigned days = 0;
  for (const std::string& part : split(text, ',')) {
    const std::size_t dots = part.find("..");
    const auto first = weekday(part.substr(0, dots));
    const auto last = dots == std::string::npos ? first : weekday(part.substr(dots + 2));
    if (!first || !last) return 0;
    for (int day = *first;; day = (day + 1) % 7) {
      days |= 1U << day;
      if (day == *last) break;
    }
  }
  return days;
}

// "03:00"; in minutes.
std::optional<int> time_of_day(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return {};
  const auto hour = number(text.substr(0, colon), 0, 23);
  const std::string_view rest = text.substr(colon + 1);
  const auto minute = rest.size() == 2 ? number(rest, 0, 59) : std::nullopt;
  if (!hour || !minute) return {};
  return *hour * kHour + *minute;
}

// The moment at which a clock on the wall first shows this time of that day, or would.
Nanoseconds moment_of(const std::chrono::year_month_day& date, int minute) {
  std::tm shown{};
  shown.tm_year = static_cast<int>(date.year()) - 1900;
  shown.tm_mon = static_cast<int>(static_cast<unsigned>(date.month())) - 1;
  shown.tm_mday = static_cast<int>(static_cast<unsigned>(date.day()));
  shown.tm_hour = minute / kHour;
  shown.tm_min = minute % kHour;
  std::tm summer = shown;
  summer.tm_isdst = 1;
  const std::time_t early = std::mktime(&summer);
  if (summer.tm_isdst == 1 && summer.tm_hour == shown.tm_hour && summer.tm_min == shown.tm_min)
    return early * kSecond;
  shown.tm_isdst = 0;
  return std::mktime(&shown) * kSecond;
}

}  // namespace

Result<void> Calendar::take_every(const std::string& length) {
  const std::string_view count = std::string_view(length).substr(0, length.size() - 1);
  const bool is_hours = length.ends_with('h');
  const int whole = is_hours ? 24 : 60;
  const auto every = is_hours || length.ends_with('m') ? number(count, 1, whole) : std::nullopt;
  if (!every || whole % *every != 0) {
    return fail(
        ErrorCode::invalid_argument,
        "'every' wants a part of an hour or of a day, for example 'every 15m' or 'every 6h'");
  }
  every_hour_ = !is_hours || *every == 1;
  if (every_hour_ && is_hours) {
    minutes_ = {0};
    return {};
  }
  for (int at = 0; at < whole; at += *every) minutes_.push_back(is_hours ? at * kHour : at);
  return {};
}

// False if the word means nothing.
Result<bool> Calendar::take_word(const std::string& word) {
  if (const unsigned days = weekday_list(word); days != 0) {
    // For cron, two kinds of days would be either of them.
    if (!month_days_.empty()) return false;
    weekdays_ = days;
    return true;
  }
  std::vector<int> times, minutes, days;
  for (const std::string& part : split(word, ',')) {
    if (const auto time = time_of_day(part)) times.push_back(*time);
    if (const auto minute = part.starts_with("*:") ? number(part.substr(2), 0, 59) : std::nullopt)
      minutes.push_back(*minute);
    // Those that every month has.
    if (const auto day = number(part, 1, 28)) days.push_back(*day);
  }
  const std::size_t parts = split(word, ',').size();
  const bool is_day = days.size() == parts && !month_days_.empty() && month_ == 0;
  if (is_day) {
    month_days_ = days;
    return true;
  }
  if (every_hour_ || !minutes_.empty()) return false;
  every_hour_ = minutes.size() == parts;
  if (!every_hour_ && times.size() != parts) return false;
  minutes_ = every_hour_ ? minutes : times;
  return true;
}

Result<Calendar> Calendar::parse(std::string_view text) {
  Calendar calendar;
  calendar.text_ = text;
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  });
  std::vector<std::string> words = split(lower, ' ');
  std::erase(words, "");
  const auto wrong = [&] {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' is no schedule: write for example hourly, every 15m, 03:00, "
                            "'mon..fri 12:30,18:00', 'weekly sun 03:00' or 'monthly 1 03:00'",
                            text));
  };
  if (words.empty() || words.size() > 4) return wrong();
  std::size_t next = 1;
  if (words[0] == "hourly") {
    calendar.every_hour_ = true;
    calendar.minutes_ = {0};
  } else if (words[0] == "every") {
    if (words.size() < 2) return wrong();
    TRY(calendar.take_every(words[next++]));
  } else if (words[0] == "weekly") {
    calendar.weekdays_ = 1U << 1;
  } else if (words[0] == "monthly") {
    calendar.month_days_ = {1};
  } else if (words[0] == "yearly") {
    calendar.month_days_ = {1};
    calendar.month_ = 1;
  } else if (words[0] != "daily") {
    next = 0;
  }
  for (; next < words.size(); ++next) {
    if (!TRY(calendar.take_word(words[next]))) return wrong();
  }
  if (calendar.every_hour_ && !calendar.month_days_.empty()) return wrong();
  if (calendar.minutes_.empty()) calendar.minutes_ = {0};
  for (std::vector<int>* list : {&calendar.minutes_, &calendar.month_days_}) {
    std::ranges::sort(*list);
    list->erase(std::unique(list->begin(), list->end()), list->end());
  }
  return calendar;
}

bool Calendar::has_day(int month, int day, int weekday) const {
  return (weekdays_ == 0 || (weekdays_ >> weekday & 1U) != 0) &&
         (month_days_.empty() || std::ranges::find(month_days_, day) != month_days_.end()) &&
         (month_ == 0 || month_ == month);
}

// The nearest moment from `from` on, itself included.
Nanoseconds Calendar::search(Nanoseconds from, int direction) const {
  const std::time_t start = seconds_of(from);
  if (every_hour_) {
    std::time_t minute = start - start % 60;
    if (direction > 0 && minute * kSecond < from) minute += 60;
    for (;; minute += direction * 60) {
      const std::tm local = local_time(minute);
      if (std::ranges::find(minutes_, local.tm_min) != minutes_.end() &&
          has_day(local.tm_mon + 1, local.tm_mday, local.tm_wday))
        return minute * kSecond;
    }
  }
  const std::tm local = local_time(start);
  const std::chrono::sys_days today = std::chrono::year(local.tm_year + 1900) /
                                      std::chrono::month(static_cast<unsigned>(local.tm_mon + 1)) /
                                      std::chrono::day(static_cast<unsigned>(local.tm_mday));
  for (int i = 0; i <= kDaysToSearch; ++i) {
    const std::chrono::sys_days day = today + std::chrono::days(direction * i);
    const std::chrono::year_month_day date(day);
    if (!has_day(static_cast<int>(static_cast<unsigned>(date.month())),
                 static_cast<int>(static_cast<unsigned>(date.day())),
                 static_cast<int>(std::chrono::weekday(day).c_encoding())))
      continue;
    std::vector<Nanoseconds> moments;
    for (const int minute : minutes_) moments.push_back(moment_of(date, minute));
    std::ranges::sort(moments);
    if (direction < 0) std::ranges::reverse(moments);
    for (const Nanoseconds moment : moments) {
      if (direction > 0 ? moment >= from : moment <= from) return moment;
    }
  }
  assertion_failed("a calendar has a moment in two years", __FILE__, __LINE__);
}

Nanoseconds Calendar::next(Nanoseconds time) const { return search(time + 1, 1); }
Nanoseconds Calendar::last(Nanoseconds time) const { return search(time, -1); }

std::vector<std::string> Calendar::systemd() const {
  std::string day;
  for (unsigned i = 0; i < kWeekdays.size(); ++i) {
    if ((weekdays_ >> i & 1U) == 0) continue;
    std::string name(kWeekdays[i]);
    name[0] = static_cast<char>(name[0] - 'a' + 'A');
    day += (day.empty() ? "" : ",") + name;
  }
  if (!day.empty()) day += ' ';
  const std::string date =
      fmt::format("{}*-{}-{}", day, month_ == 0 ? "*" : fmt::format("{:02}", month_),
                  month_days_.empty() ? "*" : fmt::format("{:02}", fmt::join(month_days_, ",")));
  if (every_hour_) return {fmt::format("{} *:{:02}:00", date, fmt::join(minutes_, ","))};
  std::vector<std::string> lines;
  for (const int minute : minutes_)
    lines.push_back(fmt::format("{} {:02}:{:02}:00", date, minute / kHour, minute % kHour));
  return lines;
}

std::vector<std::string> Calendar::cron() const {
  std::vector<unsigned> days;
  for (unsigned i = 0; i < kWeekdays.size(); ++i) {
    if ((weekdays_ >> i & 1U) != 0) days.push_back(i);
  }
  const auto list = [](const auto& numbers) {
    return numbers.empty() ? std::string("*") : fmt::format("{}", fmt::join(numbers, ","));
  };
  const std::string date = fmt::format("{} {} {}", list(month_days_),
                                       month_ == 0 ? "*" : fmt::format("{}", month_), list(days));
  if (every_hour_) return {fmt::format("{} * {}", list(minutes_), date)};
  std::vector<std::string> lines;
  for (const int minute : minutes_)
    lines.push_back(fmt::format("{} {} {}", minute % kHour, minute / kHour, date));
  return lines;
}

bool is_due(const Calendar& calendar, Nanoseconds last_start, Nanoseconds now) {
  return last_start > now || calendar.last(now) > last_start;
}

bool is_overdue(const Calendar& calendar, Nanoseconds newest, Nanoseconds now) {
  const Nanoseconds last = calendar.last(now), before = calendar.last(last - 1);
  // Weekends are no reason for a warning on a Monday morning: the moments themselves count too.
  return newest < before && now - newest > 2 * (last - before);
}

}  // namespace lagan
