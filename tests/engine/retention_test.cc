// SPDX-License-Identifier: Apache-2.0
#include "src/engine/retention.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <limits>

#include "tests/repo/samples.h"

namespace lagan {
namespace {

constexpr Nanoseconds kSecond = 1'000'000'000, kHour = 3600 * kSecond, kDay = 24 * kHour;
constexpr Nanoseconds kNoon = 1'700'000'000 / 86'400 * kDay + 12 * kHour;  // of 14 November 2023

StoredSnapshot at(Nanoseconds time, std::vector<std::string> tags = {}, int offset = 0) {
  static std::uint8_t number = 0;
  StoredSnapshot stored;
  stored.id = samples::id<SnapshotId>(++number);
  stored.snapshot.time = time;
  stored.snapshot.tags = std::move(tags);
  stored.snapshot.utc_offset_minutes = offset;
  return stored;
}

// One every `step`, the newest first, `count` of them.
std::vector<StoredSnapshot> series(Nanoseconds newest, Nanoseconds step, int count) {
  std::vector<StoredSnapshot> group;
  for (int i = 0; i < count; ++i) group.push_back(at(newest - i * step));
  return group;
}

std::vector<std::size_t> kept(const RetentionPolicy& policy,
                              const std::vector<StoredSnapshot>& group, Nanoseconds now = kNoon) {
  const auto verdicts = apply_policy(policy, group, now);
  std::vector<std::size_t> kept;
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    if (verdicts[i].keep) kept.push_back(i);
    CHECK(verdicts[i].keep == !verdicts[i].reasons.empty());
  }
  return kept;
}

using Numbers = std::vector<std::size_t>;

TEST_CASE("the last ones are kept, whatever their order in the list") {
  RetentionPolicy policy;
  policy.last = 2;
  auto group = series(kNoon, kHour, 4);
  CHECK(kept(policy, group) == Numbers{0, 1});
  std::ranges::reverse(group);
  CHECK(kept(policy, group) == Numbers{2, 3});
  policy.last = kUnlimited;
  CHECK(kept(policy, group).size() == 4);
}

TEST_CASE("of each day the newest is kept, and the oldest of all while there is room") {
  RetentionPolicy policy;
  policy.daily = 2;
  // Noon, 4:00, and the day before 20:00, 12:00, 4:00, …
  const auto group = series(kNoon, 8 * kHour, 8);
  CHECK(kept(policy, group) == Numbers{0, 2});
  policy.daily = 10;
  CHECK(kept(policy, group) == Numbers{0, 2, 5, 7});
  CHECK(apply_policy(policy, group, kNoon)[7].reasons ==
        std::vector<std::string>{"oldest daily snapshot"});
}

TEST_CASE("days are those of the snapshot's own clock") {
  RetentionPolicy policy;
  policy.daily = 2;
  // 23:30 and 0:30 in UTC are one day an hour further east.
  std::vector<StoredSnapshot> group = {at(kNoon + 12 * kHour + kHour / 2, {}, 60),
                                       at(kNoon + 12 * kHour - kHour / 2, {}, 60),
                                       at(kNoon - 5 * kDay)};
  CHECK(kept(policy, group, kNoon + kDay) == Numbers{0, 2});
  for (StoredSnapshot& stored : group) stored.snapshot.utc_offset_minutes = 0;
  CHECK(kept(policy, group, kNoon + kDay) == Numbers{0, 1});
}

TEST_CASE("weeks begin on Monday, months and years on their first day") {
  // 14 November 2023 is a Tuesday.
  const Nanoseconds sunday = kNoon - 2 * kDay, monday = kNoon - kDay;
  RetentionPolicy weekly;
  weekly.weekly = 2;
  CHECK(kept(weekly, {at(kNoon), at(monday), at(sunday), at(sunday - kDay)}) == Numbers{0, 2});
  RetentionPolicy monthly;
  monthly.monthly = 2;
  CHECK(kept(monthly, {at(kNoon), at(kNoon - 13 * kDay), at(kNoon - 14 * kDay)}) == Numbers{0, 2});
  RetentionPolicy yearly;
  yearly.yearly = 2;
  CHECK(kept(yearly, {at(kNoon), at(kNoon - 317 * kDay), at(kNoon - 318 * kDay)}) == Numbers{0, 2});
  // Before 1970 too.
  CHECK(kept(weekly, {at(-kDay), at(-3 * kDay), at(-5 * kDay)}) == Numbers{0, 2});
}

TEST_CASE("a span counts from the newest snapshot, not from now") {
  RetentionPolicy policy;
  policy.within = {.days = 2};
  const auto group = series(kNoon - 100 * kDay, kDay, 4);
  CHECK(kept(policy, group) == Numbers{0, 1});
  RetentionPolicy daily;
  daily.within_daily = {.days = 2};
  CHECK(kept(daily, series(kNoon, 12 * kHour, 8)) == Numbers{0, 2});
}

TEST_CASE("the oldest counts for its hour or day if a span reaches back to it") {
  RetentionPolicy policy;
  policy.within_daily = {.days = 5};
  auto group = series(kNoon, 24 * kHour, 3);
  group.push_back(at(kNoon - 50 * kHour));
  CHECK(kept(policy, group) == Numbers{0, 1, 2, 3});
  group.push_back(at(kNoon - 6 * kDay));  // now that is the oldest, and out of reach
  CHECK(kept(policy, group) == Numbers{0, 1, 2});
}

TEST_CASE("the empty tag keeps what has none") {
  RetentionPolicy policy;
  policy.tag_lists = {{""}};
  CHECK(kept(policy, {at(kNoon), at(kNoon - kHour, {"a"})}) == Numbers{0});
}

TEST_CASE("tags keep what has all of one list") {
  RetentionPolicy policy;
  policy.tag_lists = {{"a", "b"}, {"c"}};
  const std::vector<StoredSnapshot> group = {at(kNoon, {"a"}), at(kNoon, {"b", "x", "a"}),
                                             at(kNoon, {"c"}), at(kNoon)};
  CHECK(kept(policy, group) == Numbers{1, 2});
}

TEST_CASE("a clock that ran ahead costs nobody's place") {
  RetentionPolicy policy;
  policy.last = 1;
  const std::vector<StoredSnapshot> group = {at(kNoon + 400 * kDay), at(kNoon), at(kNoon - kDay)};
  CHECK(kept(policy, group) == Numbers{0, 1});
  // Within a day of now it is a snapshot like any other.
  CHECK(kept(policy, {at(kNoon + kHour), at(kNoon)}) == Numbers{0});
}

TEST_CASE("what nobody vouches for pushes out nothing") {
  RetentionPolicy policy;
  policy.last = 1;
  std::vector<StoredSnapshot> group = series(kNoon, kHour, 3);
  group[0].verified = false;
  CHECK_FALSE(is_judged(group[0], kNoon));
  CHECK(kept(policy, group) == Numbers{0, 1});
}

TEST_CASE("an empty policy keeps nothing, an empty group is judged") {
  CHECK(RetentionPolicy().is_empty());
  CHECK(kept({}, series(kNoon, kDay, 3)).empty());
  RetentionPolicy policy;
  policy.yearly = 1;
  CHECK_FALSE(policy.is_empty());
  CHECK(kept(policy, {}).empty());
}

TEST_CASE("spans are read and written") {
  CHECK(format_span(*parse_calendar_span("2y5m7d3h")) == "2y5m7d3h");
  CHECK(parse_calendar_span("2w3d")->days == 17);
  CHECK(parse_calendar_span("36h")->hours == 36);
  for (const char* wrong : {"", "d", "3", "3x", "3d2y", "-1d", "1d1d", "1 d", "99999999999d"}) {
    CAPTURE(wrong);
    const auto span = parse_calendar_span(wrong);
    REQUIRE_FALSE(span);
    CHECK(span.error().code == ErrorCode::invalid_argument);
  }
}

TEST_CASE("a month before the 31st is the last day of a shorter month") {
  const auto date = [](int year, unsigned month, unsigned day) {
    using namespace std::chrono;
    return sys_days(std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day))
               .time_since_epoch()
               .count() *
           kDay;
  };
  CHECK(before(date(2024, 3, 31) + kHour, {.months = 1}) == date(2024, 2, 29) + kHour);
  CHECK(before(date(2024, 2, 29), {.years = 1}) == date(2023, 2, 28));
  CHECK(before(date(2024, 1, 1), {.days = 1, .hours = 25}) == date(2023, 12, 30) - kHour);
  CHECK(before(date(2024, 1, 1), {.years = 1000}) == std::numeric_limits<Nanoseconds>::min());
}

TEST_CASE("snapshots are grouped by what was asked for, paths in any order") {
  auto one = at(kNoon, {"t"}), two = at(kNoon), three = at(kNoon);
  one.snapshot.paths = {"/b", "/a"};
  two.snapshot.paths = {"/a", "/b"};
  three.snapshot.paths = {"/a"};
  one.snapshot.host = two.snapshot.host = three.snapshot.host = "attic";
  const std::vector<StoredSnapshot> all = {one, two, three};
  CHECK(group_snapshots(all, *parse_group_keys("host,paths")).size() == 2);
  CHECK(group_snapshots(all, *parse_group_keys("tags")).size() == 2);
  CHECK(group_snapshots(all, *parse_group_keys("")).size() == 1);
  CHECK(group_snapshots({}, {}).empty());
  CHECK_FALSE(parse_group_keys("hosts,colour"));
}

}  // namespace
}  // namespace lagan
