// SPDX-License-Identifier: Apache-2.0
#include "src/cli/speed_limit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "src/cli/context.h"

namespace lagan::cli {
namespace {

tl::unexpected<Error> wrong(std::string_view text) {
  return fail(ErrorCode::invalid_argument,
              fmt::format("'{}' is no speed: write for example 500K, 5M, or 0,08:00-18:00=1M for "
                          "1 MiB/s by day and no limit otherwise",
                          text));
}

Result<std::uint64_t> parse_speed(const std::string& text) {
  const bool is_number =
      !text.empty() && std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c); });
  const auto speed = parse_size(is_number ? text + "K" : text);
  return speed ? speed : wrong(text);
}

// "08:30" as minutes; 24:00 is the end of the day.
Result<int> parse_minute(const std::string& text) {
  const auto digit = [&](std::size_t at) { return text[at] - '0'; };
  const bool has_form =
      text.size() == 5 && text[2] == ':' &&
      std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c) || c == ':'; });
  if (!has_form) return wrong(text);
  const int hour = digit(0) * 10 + digit(1), minute = digit(3) * 10 + digit(4);
  if (minute > 59 || hour * 60 + minute > 24 * 60) return wrong(text);
  return hour * 60 + minute;
}

Result<SpeedPlan::Span> parse_span(const std::string& text) {
  const std::size_t dash = text.find('-'), equals = text.find('=');
  if (dash == std::string::npos || equals == std::string::npos || dash > equals) return wrong(text);
  SpeedPlan::Span span;
  span.from_minute = TRY(parse_minute(text.substr(0, dash)));
  span.until_minute = TRY(parse_minute(text.substr(dash + 1, equals - dash - 1)));
  span.bytes_per_second = TRY(parse_speed(text.substr(equals + 1)));
  return span;
}

}  // namespace

Result<SpeedPlan> parse_speed_plan(const std::string& text) {
  const std::vector<std::string> parts = split_list(text);
  SpeedPlan plan;
  plan.bytes_per_second = TRY(parse_speed(parts.front()));
  for (std::size_t i = 1; i < parts.size(); ++i) plan.spans.push_back(TRY(parse_span(parts[i])));
  return plan;
}

}  // namespace lagan::cli
