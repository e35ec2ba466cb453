// SPDX-License-Identifier: Apache-2.0
#pragma once

// Several threads that do the same.

#include <cstddef>
#include <system_error>
#include <thread>
#include <vector>

#include "util/result.h"

namespace lagan {

constexpr const char* kNoThreads =
    "the system starts no more threads: raise the limit of processes (ulimit -u, TasksMax, "
    "pids.max)";

// Starts `count` threads, or as many as the system gives: one is enough to get the work done. An
// error if there is not even one. `work` is copied into each.
template <typename Work>
Result<void> start_threads(std::vector<std::jthread>& threads, std::size_t count,
                           const Work& work) {
  for (std::size_t i = 0; i < count; ++i) {
    try {
      threads.emplace_back(work);
    } catch (const std::system_error&) {
      if (i != 0) break;
      return fail(ErrorCode::unavailable, kNoThreads);
    }
  }
  return {};
}

}  // namespace lagan
