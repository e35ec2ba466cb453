// SPDX-License-Identifier: Apache-2.0
#pragma once

// The first error of several threads that work on one thing. Any thread may call anything.

#include <atomic>
#include <optional>

#include "util/mutex.h"
#include "util/result.h"

namespace lagan {

class Failure {
 public:
  // Keeps the first error; later ones are its consequences.
  void set(Error error) {
    const MutexLock lock(mutex_);
    if (!error_) error_ = std::move(error);
    failed_ = true;
  }
  bool happened() const { return failed_.load(std::memory_order_relaxed); }
  Result<void> check() const {
    if (!happened()) return {};
    const MutexLock lock(mutex_);
    return fail(*error_);
  }

 private:
  mutable Mutex mutex_;
  std::optional<Error> error_ GUARDED_BY(mutex_);
  std::atomic<bool> failed_ = false;
};

}  // namespace lagan
