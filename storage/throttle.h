// SPDX-License-Identifier: Apache-2.0
#pragma once

// How fast bytes may pass, over all connections together; what is wanted may differ by the time of
// day. Whoever has passed bytes waits until they would have passed at that speed. Small requests
// do not wait, they are only counted: what a session has to say about itself must not stand behind
// packs. Any thread.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <vector>

#include "util/mutex.h"

namespace lagan {

struct SpeedPlan {
  // From one minute of the local day until before another; over midnight if that is earlier.
  struct Span {
    int from_minute = 0, until_minute = 0;
    std::uint64_t bytes_per_second = 0;
  };
  std::uint64_t bytes_per_second = 0;  // 0: as fast as it goes
  std::vector<Span> spans;             // the first that fits counts

  std::uint64_t at(int minute_of_day) const;
  bool is_limited() const { return bytes_per_second != 0 || !spans.empty(); }
};

struct ThrottleWorld {
  std::function<std::chrono::nanoseconds()> now;  // steady
  std::function<int()> minute_of_day;             // local
  std::function<void(std::chrono::nanoseconds, const std::stop_token&)> wait;
};
ThrottleWorld real_throttle_world();

class Throttle {
 public:
  // Transfers up to this size do not wait.
  static constexpr std::uint64_t kSmallBytes = std::uint64_t{64} << 10;
  // What passes at a time, so that a slow speed is no sequence of bursts.
  static constexpr std::size_t kSliceBytes = std::size_t{16} << 10;

  explicit Throttle(SpeedPlan plan, ThrottleWorld world = real_throttle_world());

  // `bytes` of a transfer of `whole` bytes have passed. Returns early when stopped.
  void passed(std::uint64_t bytes, std::uint64_t whole, const std::stop_token& stop);

 private:
  const SpeedPlan plan_;
  const ThrottleWorld world_;
  Mutex mutex_;
  std::chrono::nanoseconds free_at_ GUARDED_BY(mutex_){0};  // when all that was passed is paid for
};

}  // namespace lagan
