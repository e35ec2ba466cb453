// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which snapshots a retention policy keeps: the rules of restic's `forget`. Pure functions.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "repo/snapshots.h"
#include "util/clock.h"

namespace lagan {

// A span of calendar time: a month is as long as the month it is counted in.
struct CalendarSpan {
  int years = 0, months = 0, days = 0, hours = 0;
  bool is_empty() const { return years == 0 && months == 0 && days == 0 && hours == 0; }
};
// "2y5m7d3h", any of the parts in this order, also "2w". `invalid_argument` names what is wrong.
Result<CalendarSpan> parse_calendar_span(std::string_view text);
std::string format_span(const CalendarSpan& span);
// `time` that much earlier, in UTC.
Nanoseconds before(Nanoseconds time, const CalendarSpan& span);

inline constexpr int kUnlimited = -1;

struct RetentionPolicy {
  // How many to keep of each kind, the newest of each hour, day …; kUnlimited for all.
  int last = 0, hourly = 0, daily = 0, weekly = 0, monthly = 0, yearly = 0;
  // Everything so long before the newest of the group, or the newest of each hour, day … therein.
  CalendarSpan within, within_hourly, within_daily, within_weekly, within_monthly, within_yearly;
  // Snapshots that have all tags of one of these lists.
  std::vector<std::vector<std::string>> tag_lists;

  bool is_empty() const;
  // As it is noted with what it forgets: "--keep-daily 7 --keep-within 2y".
  std::string text() const;
};

struct Verdict {
  bool keep = false;
  std::vector<std::string> reasons;  // why it is kept
};

// False for snapshots of more than a day after `now`: a clock that ran ahead once must not cost the
// backups of today. And for those that nobody vouches for, since they may lack data.
bool is_judged(const StoredSnapshot& stored, Nanoseconds now);

// One verdict for each snapshot of `group`, in its order. Hours and days are those of the
// snapshot's own time zone. While a kind of `keep` is not used up, or reaches back so far, the
// oldest snapshot counts for it. Snapshots that is_judged() refuses are kept and take no other's
// place.
std::vector<Verdict> apply_policy(const RetentionPolicy& policy,
                                  const std::vector<StoredSnapshot>& group, Nanoseconds now);

enum class GroupKey { host, paths, tags };
struct SnapshotGroup {
  std::string host;  // of these only those that were grouped by are set
  std::vector<std::string> paths, tags;
  std::vector<StoredSnapshot> snapshots;  // in the order of the list
};
std::vector<SnapshotGroup> group_snapshots(const std::vector<StoredSnapshot>& snapshots,
                                           const std::vector<GroupKey>& by);
// "host,paths,tags", any of them, or nothing for one group.
Result<std::vector<GroupKey>> parse_group_keys(std::string_view text);

}  // namespace lagan
