// SPDX-License-Identifier: Apache-2.0
#include "util/duration.h"

#include <fmt/format.h>

#include <charconv>
#include <iterator>
#include <string_view>

namespace lagan {
namespace {

constexpr Nanoseconds kSecond = 1'000'000'000;
// A hundred years can be added to any time that a clock shows.
constexpr Nanoseconds kSecondsMax = Nanoseconds{100} * 365 * 86'400;

// In the order in which they are written.
constexpr std::string_view kUnits = "wdhms";
constexpr Nanoseconds kLengths[] = {7 * 86'400 * kSecond, 86'400 * kSecond, 3'600 * kSecond,
                                    60 * kSecond, kSecond};

}  // namespace

Result<Nanoseconds> parse_duration(const std::string& text) {
  if (text == "0") return 0;
  const auto wrong = [&] {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' is no duration: write for example 90s, 30m, 1h30m or 7d", text));
  };
  Nanoseconds total = 0;
  std::size_t next_unit = 0;
  const char* at = text.data();
  const char* const end = at + text.size();
  if (at == end) return wrong();
  while (at != end) {
    std::uint32_t number = 0;
    const auto [after, error] = std::from_chars(at, end, number);
    if (error != std::errc() || after == end || number > 100'000) return wrong();
    const std::size_t unit = kUnits.find(*after);
    if (unit == std::string_view::npos || unit < next_unit) return wrong();
    next_unit = unit + 1;
    total += number * (kLengths[unit] / kSecond);
    if (total > kSecondsMax) return wrong();
    at = after + 1;
  }
  return total * kSecond;
}

std::string format_duration(Nanoseconds length) {
  const std::int64_t seconds = length / kSecond;
  const std::int64_t days = seconds / 86'400, hours = seconds / 3'600, minutes = seconds / 60;
  if (days > 1 && hours % 24 == 0) return fmt::format("{} days", days);
  if (hours > 0 && minutes % 60 == 0) return fmt::format("{} h", hours);
  if (hours > 0) return fmt::format("{} h {} min", hours, minutes % 60);
  if (minutes > 1 && seconds % 60 == 0) return fmt::format("{} min", minutes);
  return fmt::format("{} s", seconds);
}

}  // namespace lagan
