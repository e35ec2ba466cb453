// SPDX-License-Identifier: Apache-2.0
#pragma once

// Repeats calls that failed for a passing reason: exponential back-off with full jitter (1 s,
// doubled up to 60 s) on top of the server's Retry-After, until a budget of time in calls and waits
// is used up; at least one retry. Once a call was given up, others no longer wait either, until one
// of them is answered: the storage is away for all of them, and whoever looks around in a mount
// would wait for each. The last error then comes out with the advice `never`; errors
// with that advice pass at once. A retried list delivers no name twice.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>

#include "storage/storage.h"

namespace lagan {

struct RetryOptions {
  std::chrono::milliseconds first_wait{1000};
  std::chrono::milliseconds longest_wait{60'000};
  std::chrono::milliseconds budget{15 * 60 * 1000};
  std::stop_token stop;  // ends a wait with `cancelled`
  // Waits that long (tests pass one that only notes it) and returns false when stopped.
  // Several calls may wait at once.
  std::function<bool(std::chrono::milliseconds)> wait;
  std::function<std::uint64_t()> random;  // for the jitter; one call at a time
  // Before each wait, from any thread.
  std::function<void(const Error&, std::chrono::milliseconds)> notice;
};

std::unique_ptr<Storage> with_retries(std::unique_ptr<Storage> inner, RetryOptions options);

}  // namespace lagan
