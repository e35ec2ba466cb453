// SPDX-License-Identifier: Apache-2.0
#pragma once

// The same work for many numbered things, on several threads.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>
#include <thread>
#include <vector>

#include "util/failure.h"
#include "util/result.h"
#include "util/threads.h"

namespace lagan {

// Calls `each` with every number below `count`, in about that order, on up to `threads` threads.
// After the first error no more is begun; that error comes back.
inline Result<void> for_each_parallel(std::size_t count, std::size_t threads,
                                      const std::function<Result<void>(std::size_t)>& each) {
  Failure failure;
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < count && !failure.happened(); i = next++) {
      if (auto done = each(i); !done) failure.set(std::move(done).error());
    }
  };
  {
    std::vector<std::jthread> helpers;
    const std::size_t wanted = std::min(threads, count);
    // Without any this thread does it alone.
    if (wanted > 1) (void)start_threads(helpers, wanted - 1, work);
    work();
  }
  return failure.check();
}

}  // namespace lagan
