// SPDX-License-Identifier: Apache-2.0
#include "util/duration.h"

#include <doctest/doctest.h>

namespace lagan {
namespace {

constexpr Nanoseconds kSecond = 1'000'000'000;

TEST_CASE("durations are sums of weeks, days, hours, minutes and seconds") {
  CHECK(parse_duration("0").value() == 0);
  CHECK(parse_duration("90s").value() == 90 * kSecond);
  CHECK(parse_duration("30m").value() == 1800 * kSecond);
  CHECK(parse_duration("1h30m").value() == 5400 * kSecond);
  CHECK(parse_duration("2w").value() == 14 * 86'400 * kSecond);
  CHECK(parse_duration("7d12h").value() == (7 * 24 + 12) * 3600 * kSecond);
}

TEST_CASE("what is no duration is refused with its text") {
  for (const char* wrong : {"", "5", "m", "5x", "-5m", "5m5", "5m2h", "5m5m", "1.5h", "5 m", "2y",
                            "100001s", "99999999999999999999s", "6000w"}) {
    INFO(wrong);
    const auto parsed = parse_duration(wrong);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == ErrorCode::invalid_argument);
    CHECK(parsed.error().message.find(wrong) != std::string::npos);
  }
}

TEST_CASE("durations are shown in the units they are given in") {
  for (const auto& [length, shown] :
       {std::pair("90s", "90 s"), std::pair("30m", "30 min"), std::pair("36h", "36 h"),
        std::pair("1h30m", "1 h 30 min"), std::pair("30d", "30 days"), std::pair("1d", "24 h")}) {
    CHECK(format_duration(parse_duration(length).value()) == shown);
  }
}

}  // namespace
}  // namespace lagan
