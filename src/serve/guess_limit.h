// SPDX-License-Identifier: Apache-2.0
#pragma once

// How fast passwords may be guessed from one address: a few wrong ones at once, since people make
// mistakes, and then one from time to time. Nobody sleeps for it, and addresses do not hold up each
// other. Any thread may call anything.

#include <sys/socket.h>

#include <chrono>
#include <optional>
#include <string>

#include "mount/lru_cache.h"
#include "util/clock.h"
#include "util/mutex.h"

namespace lagan {

class GuessLimit {
 public:
  static constexpr int kAtOnce = 10;
  static constexpr std::chrono::seconds kBetween{10};

  // The clock is one that never jumps.
  explicit GuessLimit(Clock clock);

  // What to make of somebody who said a password: nothing if the judgement counts, else how long
  // to wait before it will. Until then a right one is not told from a wrong one.
  std::optional<std::chrono::seconds> judge(const std::string& address, bool is_right);

 private:
  // Who has more addresses than this has other means as well.
  static constexpr std::size_t kAddresses = 4096;

  const Clock clock_;
  Mutex mutex_;
  // When all wrong ones of an address will be forgiven.
  LruCache<std::string, Nanoseconds> forgiven_ GUARDED_BY(mutex_);
};

// What counts as one address: of IPv6 a network of /64, which is what one visitor has.
std::string guesser_of(const sockaddr& address);

}  // namespace lagan
