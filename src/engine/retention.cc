// SPDX-License-Identifier: Apache-2.0
#include "src/engine/retention.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <limits>
#include <map>
#include <tuple>

namespace lagan {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::nanoseconds;
using std::chrono::sys_days;
using std::chrono::sys_time;
using std::chrono::year_month_day;
using LocalTime = sys_time<nanoseconds>;  // the snapshot's own clock, counted as if it were UTC

constexpr Nanoseconds kDay = Nanoseconds{86'400} * 1'000'000'000;

LocalTime local_time(const Snapshot& snapshot) {
  return LocalTime(nanoseconds(snapshot.time)) + std::chrono::minutes(snapshot.utc_offset_minutes);
}

// What two snapshots of one hour, day … have in common. Weeks begin on Monday.
std::int64_t hour_of(LocalTime time) { return floor<hours>(time).time_since_epoch().count(); }
std::int64_t day_of(LocalTime time) { return floor<days>(time).time_since_epoch().count(); }
std::int64_t week_of(LocalTime time) {
  // Day 0 of 1970 was a Thursday.
  const std::int64_t shifted = day_of(time) + 3;
  return (shifted >= 0 ? shifted : shifted - 6) / 7;
}
std::int64_t month_of(LocalTime time) {
  const year_month_day date(floor<days>(time));
  return int{date.year()} * 12 + static_cast<int>(unsigned{date.month()});
}
std::int64_t year_of(LocalTime time) { return int{year_month_day(floor<days>(time)).year()}; }

// One rule that keeps the newest of each stretch of time.
struct Rule {
  const char* name;
  std::int64_t (*stretch_of)(LocalTime);  // null: each snapshot is its own
  int count;                              // how many, or kUnlimited
  std::optional<Nanoseconds> since;       // instead of a count
  std::string span;                       // `since`, as the user wrote it
  std::optional<std::int64_t> last = {};

  // Why it keeps this one, if it does. Called from the newest to the oldest.
  std::optional<std::string> judge(const Snapshot& snapshot, bool is_oldest) {
    if (since ? snapshot.time <= *since : count == 0) return std::nullopt;
    const std::int64_t stretch =
        stretch_of != nullptr ? stretch_of(local_time(snapshot)) : last.value_or(0) + 1;
    const bool is_new = last != stretch;
    // The oldest stands for all the time before it, while there is room.
    if (!is_new && !is_oldest) return std::nullopt;
    last = stretch;
    if (!since && count > 0) --count;
    if (since) return fmt::format("{}within {}", name, span);
    return is_new ? fmt::format("{} snapshot", name) : fmt::format("oldest {} snapshot", name);
  }
};

std::vector<Rule> rules_of(const RetentionPolicy& policy, Nanoseconds newest) {
  std::vector<Rule> rules = {
      {"last", nullptr, policy.last, {}, {}},        {"hourly", hour_of, policy.hourly, {}, {}},
      {"daily", day_of, policy.daily, {}, {}},       {"weekly", week_of, policy.weekly, {}, {}},
      {"monthly", month_of, policy.monthly, {}, {}}, {"yearly", year_of, policy.yearly, {}, {}},
  };
  const auto within = [&](const char* name, std::int64_t (*stretch_of)(LocalTime),
                          const CalendarSpan& span) {
    if (!span.is_empty())
      rules.push_back({name, stretch_of, 0, before(newest, span), format_span(span)});
  };
  within("", nullptr, policy.within);
  within("hourly ", hour_of, policy.within_hourly);
  within("daily ", day_of, policy.within_daily);
  within("weekly ", week_of, policy.within_weekly);
  within("monthly ", month_of, policy.within_monthly);
  within("yearly ", year_of, policy.within_yearly);
  return rules;
}

// The empty tag alone stands for having none.
bool has_all(const std::vector<std::string>& tags, const std::vector<std::string>& wanted) {
  if (wanted.size() == 1 && wanted[0].empty()) return tags.empty();
  return std::ranges::all_of(
      wanted, [&](const std::string& tag) { return std::ranges::find(tags, tag) != tags.end(); });
}

}  // namespace

Result<CalendarSpan> parse_calendar_span(std::string_view text) {
  const auto wrong = [&] {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("\"{}\" is no duration: write for example 2y5m7d3h (years, months, days, "
                    "hours) or 2w",
                    text));
  };
  CalendarSpan span;
  int rank = -1;  // units come in this order, each once
  const char* at = text.data();
  const char* const end = at + text.size();
  if (at == end) return wrong();
  while (at != end) {
    int number = 0;
    const auto [after, error] = std::from_chars(at, end, number);
    if (error != std::errc() || after == end || number < 0 || number > 10'000) return wrong();
    static constexpr std::string_view kUnits = "ymwdh";
    const auto unit = static_cast<int>(kUnits.find(*after));
    if (unit <= rank || unit >= static_cast<int>(kUnits.size())) return wrong();
    rank = unit;
    switch (kUnits[static_cast<std::size_t>(unit)]) {
      case 'y':
        span.years = number;
        break;
      case 'm':
        span.months = number;
        break;
      case 'w':
        span.days = 7 * number;
        break;
      case 'd':
        span.days += number;
        break;
      default:
        span.hours = number;
        break;
    }
    at = after + 1;
  }
  return span;
}

std::string format_span(const CalendarSpan& span) {
  std::string text;
  const auto add = [&](int number, char unit) {
    if (number != 0) text += fmt::format("{}{}", number, unit);
  };
  add(span.years, 'y');
  add(span.months, 'm');
  add(span.days, 'd');
  add(span.hours, 'h');
  return text.empty() ? "0h" : text;
}

Nanoseconds before(Nanoseconds time, const CalendarSpan& span) {
  const LocalTime from{nanoseconds(time)};
  const sys_days day = floor<days>(from);
  year_month_day date(day);
  date -= std::chrono::years(span.years);
  date -= std::chrono::months(span.months);
  // The 31st of a month that has none: its last day.
  if (!date.ok()) date = date.year() / date.month() / std::chrono::last;
  const sys_days earlier = sys_days(date) - days(span.days);
  // Nanoseconds reach back to 1677.
  constexpr int kEarliestDay = -106'000;
  if (earlier.time_since_epoch().count() < kEarliestDay) {
    return std::numeric_limits<Nanoseconds>::min();
  }
  return (LocalTime(earlier) + (from - LocalTime(day)) - hours(span.hours))
      .time_since_epoch()
      .count();
}

bool RetentionPolicy::is_empty() const {
  const auto counts = {last, hourly, daily, weekly, monthly, yearly};
  return std::ranges::all_of(counts, [](int count) { return count == 0; }) && within.is_empty() &&
         within_hourly.is_empty() && within_daily.is_empty() && within_weekly.is_empty() &&
         within_monthly.is_empty() && within_yearly.is_empty() && tag_lists.empty();
}

std::string RetentionPolicy::text() const {
  std::vector<std::string> parts;
  const auto count = [&](const char* name, int number) {
    if (number == kUnlimited) parts.push_back(fmt::format("--keep-{} unlimited", name));
    if (number > 0) parts.push_back(fmt::format("--keep-{} {}", name, number));
  };
  const auto span = [&](const char* name, const CalendarSpan& value) {
    if (!value.is_empty()) parts.push_back(fmt::format("--keep-{} {}", name, format_span(value)));
  };
  count("last", last);
  count("hourly", hourly);
  count("daily", daily);
  count("weekly", weekly);
  count("monthly", monthly);
  count("yearly", yearly);
  span("within", within);
  span("within-hourly", within_hourly);
  span("within-daily", within_daily);
  span("within-weekly", within_weekly);
  span("within-monthly", within_monthly);
  span("within-yearly", within_yearly);
  for (const auto& tags : tag_lists)
    parts.push_back(fmt::format("--keep-tag {}", fmt::join(tags, ",")));
  return fmt::format("{}", fmt::join(parts, " "));
}

bool is_judged(const StoredSnapshot& stored, Nanoseconds now) {
  return stored.verified && stored.snapshot.time <= now + kDay;
}

std::vector<Verdict> apply_policy(const RetentionPolicy& policy,
                                  const std::vector<StoredSnapshot>& group, Nanoseconds now) {
  std::vector<Verdict> verdicts(group.size());
  std::vector<std::size_t> order;  // of those that are judged, the newest first
  for (std::size_t i = 0; i < group.size(); ++i) {
    if (is_judged(group[i], now)) {
      order.push_back(i);
    } else {
      verdicts[i] = {true, {group[i].verified ? "is of the future" : "was never verified"}};
    }
  }
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    return std::tie(group[a].snapshot.time, group[a].id) >
           std::tie(group[b].snapshot.time, group[b].id);
  });
  if (order.empty()) return verdicts;
  std::vector<Rule> rules = rules_of(policy, group[order.front()].snapshot.time);
  for (const std::size_t i : order) {
    const Snapshot& snapshot = group[i].snapshot;
    Verdict& verdict = verdicts[i];
    for (const auto& tags : policy.tag_lists) {
      if (has_all(snapshot.tags, tags))
        verdict.reasons.push_back(fmt::format("has tags {}", fmt::join(tags, ",")));
    }
    for (Rule& rule : rules) {
      if (auto reason = rule.judge(snapshot, i == order.back()))
        verdict.reasons.push_back(*std::move(reason));
    }
    verdict.keep = !verdict.reasons.empty();
  }
  return verdicts;
}

std::vector<SnapshotGroup> group_snapshots(const std::vector<StoredSnapshot>& snapshots,
                                           const std::vector<GroupKey>& by) {
  const auto wants = [&](GroupKey key) { return std::ranges::find(by, key) != by.end(); };
  using Key = std::tuple<std::string, std::vector<std::string>, std::vector<std::string>>;
  std::map<Key, SnapshotGroup> groups;
  for (const StoredSnapshot& stored : snapshots) {
    SnapshotGroup empty;
    if (wants(GroupKey::host)) empty.host = stored.snapshot.host;
    if (wants(GroupKey::paths)) empty.paths = stored.snapshot.paths;
    if (wants(GroupKey::tags)) empty.tags = stored.snapshot.tags;
    std::ranges::sort(empty.paths);
    std::ranges::sort(empty.tags);
    Key key(empty.host, empty.paths, empty.tags);
    groups.try_emplace(std::move(key), std::move(empty)).first->second.snapshots.push_back(stored);
  }
  std::vector<SnapshotGroup> list;
  for (auto& [key, group] : groups) list.push_back(std::move(group));
  return list;
}

Result<std::vector<GroupKey>> parse_group_keys(std::string_view text) {
  std::vector<GroupKey> keys;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const std::string_view word = text.substr(at, end - at);
    at = end + 1;
    if (word == "host" || word == "hosts") {
      keys.push_back(GroupKey::host);
    } else if (word == "path" || word == "paths") {
      keys.push_back(GroupKey::paths);
    } else if (word == "tag" || word == "tags") {
      keys.push_back(GroupKey::tags);
    } else {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("\"{}\" cannot be grouped by: write host, paths or tags", word));
    }
  }
  return keys;
}

}  // namespace lagan
