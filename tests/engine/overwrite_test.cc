// SPDX-License-Identifier: Apache-2.0
#include "src/engine/overwrite.h"

#include <doctest/doctest.h>

namespace lagan {
namespace {

Entry entry_of_time(std::int64_t seconds, std::uint32_t nanoseconds = 0) {
  Entry entry;
  entry.size = 10;
  entry.mtime = seconds;
  entry.mtime_ns = nanoseconds;
  return entry;
}

std::optional<SourceStatus> there(std::int64_t seconds, std::uint32_t nanoseconds = 0) {
  SourceStatus status;
  status.size = 10;
  status.mtime = seconds;
  status.mtime_ns = nanoseconds;
  return status;
}

TEST_CASE("a name that is free is always taken") {
  for (const char* word : {"always", "if-changed", "if-newer", "never"})
    CHECK(judge(*parse_overwrite(word), std::nullopt, entry_of_time(5)) == Verdict::write);
  CHECK_FALSE(parse_overwrite("sometimes"));
}

TEST_CASE("newer is newer to the nanosecond, also before 1970") {
  const auto newer = [](const auto& old, const Entry& entry) {
    return judge(Overwrite::if_newer, old, entry) == Verdict::write;
  };
  CHECK(newer(there(5), entry_of_time(5, 1)));
  CHECK(newer(there(-6, 999'999'999), entry_of_time(-5)));
  CHECK_FALSE(newer(there(5), entry_of_time(5)));
  CHECK_FALSE(newer(there(5, 1), entry_of_time(5)));
  CHECK_FALSE(newer(there(4'500'000'000), entry_of_time(5)));
}

TEST_CASE("a file of the same size and time is taken for unchanged, nothing else is") {
  const auto verdict = [](const auto& old, const Entry& entry) {
    return judge(Overwrite::if_changed, old, entry);
  };
  CHECK(verdict(there(5, 1), entry_of_time(5, 1)) == Verdict::only_attributes);
  CHECK(verdict(there(5, 1), entry_of_time(5, 2)) == Verdict::write);
  CHECK(verdict(there(6), entry_of_time(5)) == Verdict::write);
  Entry larger = entry_of_time(5), link = entry_of_time(5);
  larger.size = 11;
  CHECK(verdict(there(5), larger) == Verdict::write);
  link.kind = EntryKind::symlink;
  CHECK(verdict(there(5), link) == Verdict::write);
}

}  // namespace
}  // namespace lagan
