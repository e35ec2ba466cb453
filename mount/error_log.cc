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

void ErrorLog::add(const std::string& what) {
  const Nanoseconds now = clock_();
  const std::time_t seconds = now / 1'000'000'000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char when[32];
  std::strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &parts);
  std::string text = fmt::format("{} {}", when, what);
  // A name may hold anything.
  std::ranges::replace(text, '\n', '?');
  const MutexLock lock(mutex_);
  const auto compared = std::min(lines_.size(), kLinesCompared);
  const auto begin = lines_.end() - static_cast<std::ptrdiff_t>(compared);
  if (std::any_of(begin, lines_.end(), [&](const Line& line) { return line.what == what; })) return;
  lines_.push_back({what, std::move(text)});
  if (lines_.size() > kLinesMax) lines_.pop_front();
  changed_ = now;
}

ErrorLog::State ErrorLog::state() const {
  const MutexLock lock(mutex_);
  State state{{}, changed_};
  for (const Line& line : lines_) state.text += line.text + "\n";
  return state;
}

}  // namespace lagan
