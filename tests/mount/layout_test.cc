// SPDX-License-Identifier: Apache-2.0
#include "mount/layout.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "tests/repo/samples.h"

namespace lagan {
namespace {

constexpr Nanoseconds kHour = 3'600'000'000'000;
// 2026-11-20 14:00:03 UTC.
constexpr Nanoseconds kTime = 1'795'183'203'000'000'000;

StoredSnapshot stored(std::uint8_t id, Nanoseconds time, std::string host = "attic",
                      std::vector<std::string> tags = {}) {
  StoredSnapshot made;
  made.id.bytes[0] = std::byte{id};
  made.snapshot.time = time;
  made.snapshot.host = std::move(host);
  made.snapshot.user = "ann";
  made.snapshot.tags = std::move(tags);
  return made;
}

// All below a folder: "path" of folders and snapshots, "path -> target" of links.
void collect(const Layout& layout, NodeId id, const std::string& path,
             std::vector<std::string>& into) {
  const Layout::Place* place = layout.find(id);
  REQUIRE(place != nullptr);
  if (!path.empty())
    into.push_back(path + (place->kind == Layout::Kind::link ? " -> " + place->target : ""));
  for (const auto& [name, below] : place->names)
    collect(layout, below, path.empty() ? name : path + "/" + name, into);
}

std::vector<std::string> all_of(const std::vector<StoredSnapshot>& snapshots,
                                const LayoutOptions& options) {
  std::vector<std::string> found;
  collect(Layout(snapshots, options, Numbers(PrfKey{})), Layout::kRoot, "", found);
  return found;
}

bool has(const std::vector<std::string>& all, const std::string& line) {
  return std::ranges::find(all, line) != all.end();
}

TEST_CASE("snapshots show by id, time, host and tag, as restic shows them, and by date") {
  const auto all = all_of({stored(0xaa, kTime), stored(0xbb, kTime + kHour, "cellar", {"x", "y"})},
                          LayoutOptions{});
  for (const char* line :
       {"ids/aa000000", "ids/bb000000", "snapshots/2026-11-20T14:00:03+00:00",
        "snapshots/latest -> 2026-11-20T15:00:03+00:00", "hosts/attic/2026-11-20T14:00:03+00:00",
        "hosts/attic/latest -> 2026-11-20T14:00:03+00:00", "tags/x/2026-11-20T15:00:03+00:00",
        "tags/y/latest -> 2026-11-20T15:00:03+00:00", "by-time/2026/11/20/14.00.03-aa000000",
        "latest -> ids/bb000000", "versions",
        "time-machine/daily/2026-11-20-140003-attic -> ../../ids/aa000000"}) {
    INFO(line);
    CHECK(has(all, line));
  }
}

TEST_CASE("of each hour, day, week, month and year the newest shows") {
  std::vector<StoredSnapshot> snapshots;
  for (std::uint8_t i = 0; i < 30; ++i)
    snapshots.push_back(stored(i, kTime + Nanoseconds{i} * kHour / 2));
  const auto all = all_of(snapshots, LayoutOptions{});
  const auto count = [&](const std::string& folder) {
    return std::ranges::count_if(
        all, [&](const std::string& line) { return line.starts_with("time-machine/" + folder); });
  };
  CHECK(count("hourly/") == 15);
  CHECK(count("daily/") == 2);
  CHECK(count("yearly/") == 1);
  CHECK(has(all, "time-machine/monthly/2026-11-21-043003 -> ../../ids/1d000000"));
}

TEST_CASE("same names get numbers, and names from outside stay one name") {
  LayoutOptions options;
  options.with_views = false;
  options.path_templates = {"%h/%T", "%u-%I"};
  options.time_template = "%Y/%m";
  const auto all = all_of({stored(1, kTime, "../etc"), stored(2, kTime, "../etc"),
                           stored(3, kTime, ".."), stored(4, kTime, "")},
                          options);
  CHECK(has(all, ".._etc/2026/11"));
  CHECK(has(all, ".._etc/2026/11-1"));
  CHECK(has(all, "_/2026/11"));
  CHECK(has(all, "_/2026/11-1"));
  CHECK(has(all, "ann-01000000000000000000000000000000"));
}

TEST_CASE("times are those of the snapshot's own zone, for Samba UTC") {
  LayoutOptions options;
  options.gmt_names = true;
  StoredSnapshot one = stored(1, kTime);
  one.snapshot.utc_offset_minutes = -210;
  const auto all = all_of({one}, options);
  CHECK(has(all, "snapshots/2026-11-20T10:30:03-03:30"));
  CHECK(has(all, "@GMT-2026.11.20-14.00.03"));

  const auto both = all_of({one, stored(2, kTime)}, options);
  CHECK(has(both, "@GMT-2026.11.20-14.00.03"));
  CHECK(has(both, "@GMT-2026.11.20-14.00.04"));
}

TEST_CASE("Go's layouts are understood, and strftime's left alone") {
  CHECK(from_go_layout("2006-01-02T15:04:05Z07:00") == "%Y-%m-%dT%H:%M:%S%:z");
  CHECK(from_go_layout("2006-01-02_15-04-05") == "%Y-%m-%d_%H-%M-%S");
  CHECK(from_go_layout("%Y 2006") == "%Y 2006");
  CHECK(from_go_layout("day 02") == "day 02");
}

TEST_CASE("numbers of places stay, whatever comes beside them") {
  const Numbers numbers{PrfKey{}};
  const Layout before({stored(1, kTime)}, LayoutOptions{}, numbers);
  const Layout after({stored(1, kTime), stored(2, kTime + kHour)}, LayoutOptions{}, numbers);
  const auto* ids = Layout::find_name(*before.find(Layout::kRoot), "ids");
  REQUIRE(ids != nullptr);
  CHECK(*ids == *Layout::find_name(*after.find(Layout::kRoot), "ids"));
  const auto* one = Layout::find_name(*before.find(ids->second), "01000000");
  REQUIRE(one != nullptr);
  CHECK(*one == *Layout::find_name(*after.find(ids->second), "01000000"));
  CHECK(Layout::find_name(*before.find(ids->second), "02000000") == nullptr);
}

TEST_CASE("a snapshot that takes another's name does not take its number") {
  const Numbers numbers{PrfKey{}};
  const auto in_hour = [&](std::uint8_t id, Nanoseconds time) {
    LayoutOptions options;
    options.path_templates = {"daily/%T"};
    options.time_template = "%Y-%m-%d";
    const Layout layout({stored(id, time)}, options, numbers);
    const auto* folder = Layout::find_name(*layout.find(Layout::kRoot), "daily");
    REQUIRE(folder != nullptr);
    const auto* found = Layout::find_name(*layout.find(folder->second), "2026-11-20");
    REQUIRE(found != nullptr);
    return found->second;
  };
  CHECK(in_hour(1, kTime) == in_hour(1, kTime));
  CHECK(in_hour(1, kTime) != in_hour(2, kTime + kHour));
}

}  // namespace
}  // namespace lagan
