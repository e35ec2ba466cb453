// SPDX-License-Identifier: Apache-2.0
#include "mount/error_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

namespace lagan {
namespace {

constexpr std::size_t kLinesMax = 1000;
constexpr std::size_t kLinesCompared = 64;

}  // namespace

std::string utc_text(Nanoseconds time) {
  const std::time_t seconds = time / 1'000'000'000;
  std::tm parts{};
  char text[64];
  if (::gmtime_r(&seconds, &parts) == nullptr) return "unknown";
  return std::string(text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts));
}

void ErrorLog::add(const std::string& what) {
  const Nanoseconds now = clock_();
  std::string text = fmt::format("{} {}", utc_text(now), what);
  // A name may hold anything.
  std::ranges::replace(text, '\n', '?');
  const MutexLock lock(mutex_);
  const auto compared = std::min(lines_.size(), kLinesCompared);
  const auto begin = lines_.end() - static_cast<std::ptrdiff_t>(compared);
  if (std::any_of(begin, lines_.end(), [&](const Line& line) { return line.what == what; })) return;
  lines_.push_back({what, std::move(text)});
  if (lines_.size() > kLinesMax) lines_.pop_front();
  changed_ = now;
  ++count_;
}

ErrorLog::State ErrorLog::state() const {
  const MutexLock lock(mutex_);
  State state{{}, changed_, count_};
  for (const Line& line : lines_) state.text += line.text + "\n";
  return state;
}

}  // namespace lagan
