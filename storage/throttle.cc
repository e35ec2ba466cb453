// SPDX-License-Identifier: Apache-2.0
#include "storage/throttle.h"

#include <algorithm>
#include <condition_variable>
#include <ctime>
#include <mutex>

namespace lagan {
namespace {

using std::chrono::nanoseconds;

// Time that was not used is not saved up, but for this much: transfers come in pieces.
constexpr nanoseconds kCredit = std::chrono::milliseconds(100);
// The plan may change meanwhile, and a wait that is too long looks like a hanging program.
constexpr nanoseconds kLongestWait = std::chrono::seconds(30);

bool is_within(const SpeedPlan::Span& span, int minute) {
  if (span.from_minute <= span.until_minute)
    return minute >= span.from_minute && minute < span.until_minute;
  return minute >= span.from_minute || minute < span.until_minute;
}

int local_minute_of_day() {
  const std::time_t seconds = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&seconds, &local);
  return local.tm_hour * 60 + local.tm_min;
}

void wait_for(nanoseconds duration, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait_for(lock, stop, duration, [] { return false; });
}

}  // namespace

std::uint64_t SpeedPlan::at(int minute_of_day) const {
  const auto span =
      std::ranges::find_if(spans, [&](const Span& each) { return is_within(each, minute_of_day); });
  return span == spans.end() ? bytes_per_second : span->bytes_per_second;
}

ThrottleWorld real_throttle_world() {
  return {[] { return nanoseconds(std::chrono::steady_clock::now().time_since_epoch()); },
          local_minute_of_day, wait_for};
}

Throttle::Throttle(SpeedPlan plan, ThrottleWorld world)
    : plan_(std::move(plan)), world_(std::move(world)) {}

void Throttle::passed(std::uint64_t bytes, std::uint64_t whole, const std::stop_token& stop) {
  const std::uint64_t speed = plan_.at(world_.minute_of_day());
  if (speed == 0 || bytes == 0) return;
  const auto cost = nanoseconds(
      static_cast<std::int64_t>(static_cast<double>(bytes) * 1e9 / static_cast<double>(speed)));
  nanoseconds wait{0};
  {
    const MutexLock lock(mutex_);
    const nanoseconds now = world_.now();
    free_at_ = std::max(free_at_, now - kCredit) + cost;
    wait = std::min(free_at_ - now, kLongestWait);
  }
  if (wait.count() > 0 && whole > kSmallBytes) world_.wait(wait, stop);
}

}  // namespace lagan
