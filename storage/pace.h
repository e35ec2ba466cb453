// SPDX-License-Identifier: Apache-2.0
#pragma once

// How many calls go to a storage: so many a second, if the user says so, and so many at a time,
// which is learnt. A service that says it is busy is asked by half as many at once from then on,
// and by one more after as many successes as there are calls at a time: what congested networks
// are spared by, too. Nobody is ever refused, only kept waiting. Any thread.

#include <cstddef>
#include <memory>
#include <stop_token>

#include "storage/storage.h"
#include "storage/throttle.h"

namespace lagan {

struct PaceOptions {
  std::shared_ptr<Throttle> calls;  // its bytes are calls; null: as many as come
  std::stop_token stop;             // who waits is let go, and its call made
};

// Below the retries, so that each attempt waits for its turn. A listing counts as one call of the
// number a second, and never waits for others: who takes its names may ask for objects meanwhile.
std::unique_ptr<Storage> with_pace(std::unique_ptr<Storage> inner, PaceOptions options);

// The number of calls at a time, as it is learnt.
class CallsAtATime {
 public:
  static constexpr std::size_t kMost = 256;

  // Waits until another call may begin, or `stop`.
  void begin(const std::stop_token& stop);
  enum class Outcome { answered, busy, neither };
  void end(Outcome outcome);
  std::size_t limit() const;

 private:
  mutable Mutex mutex_;
  Condition room_;
  double limit_ GUARDED_BY(mutex_) = kMost;
  std::size_t under_way_ GUARDED_BY(mutex_) = 0;
};

}  // namespace lagan
