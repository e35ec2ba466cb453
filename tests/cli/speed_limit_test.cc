// SPDX-License-Identifier: Apache-2.0
#include "src/cli/speed_limit.h"

#include <doctest/doctest.h>

namespace lagan::cli {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

TEST_CASE("a speed is a size a second; a number alone is KiB, as in restic") {
  CHECK(parse_speed_plan("5M").value().bytes_per_second == 5 * kMiB);
  CHECK(parse_speed_plan("300").value().bytes_per_second == 300 * 1024);
  CHECK(parse_speed_plan("1.5M").value().bytes_per_second == kMiB + kMiB / 2);
  CHECK_FALSE(parse_speed_plan("0").value().is_limited());
}

TEST_CASE("a speed may differ by the time of day, over midnight too") {
  const SpeedPlan plan = parse_speed_plan("4M,08:00-18:30=1M,22:00-06:00=0").value();
  CHECK(plan.at(7 * 60 + 59) == 4 * kMiB);
  CHECK(plan.at(8 * 60) == kMiB);
  CHECK(plan.at(18 * 60 + 29) == kMiB);
  CHECK(plan.at(18 * 60 + 30) == 4 * kMiB);
  CHECK(plan.at(23 * 60) == 0);
  CHECK(plan.at(0) == 0);
  CHECK(plan.at(6 * 60) == 4 * kMiB);
  CHECK(plan.is_limited());
}

TEST_CASE("what is no speed is refused with its text") {
  for (const char* text :
       {"", "fast", "-1", "5M,", "5M,8-18=1M", "5M,08:00=1M", "5M,08:60-09:00=1M",
        "5M,08:00-24:01=1M", "5M,08:00-18:00=", "5M,=08:00-18:00"}) {
    INFO(text);
    const auto plan = parse_speed_plan(text);
    REQUIRE_FALSE(plan);
    CHECK(plan.error().code == ErrorCode::invalid_argument);
    CHECK(plan.error().message.find("is no speed") != std::string::npos);
  }
}

}  // namespace
}  // namespace lagan::cli
