// SPDX-License-Identifier: Apache-2.0
#pragma once

// A mutex that clang's thread-safety analysis understands: GUARDED_BY(mutex_) on a member, and
// clang refuses an access without the lock. Other compilers see a plain mutex.

#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define LAGAN_TSA(x) __attribute__((x))
#else
#define LAGAN_TSA(x)
#endif
#define CAPABILITY(x) LAGAN_TSA(capability(x))
#define SCOPED_CAPABILITY LAGAN_TSA(scoped_lockable)
#define GUARDED_BY(x) LAGAN_TSA(guarded_by(x))
#define ACQUIRE(...) LAGAN_TSA(acquire_capability(__VA_ARGS__))
#define RELEASE(...) LAGAN_TSA(release_capability(__VA_ARGS__))
#define REQUIRES(...) LAGAN_TSA(requires_capability(__VA_ARGS__))

namespace lagan {

class CAPABILITY("mutex") Mutex {
 public:
  void lock() ACQUIRE() { mutex_.lock(); }
  void unlock() RELEASE() { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

class SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() RELEASE() { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// Waits with a Mutex held: `condition.wait(mutex)` in a while loop over the guarded state.
using Condition = std::condition_variable_any;

}  // namespace lagan
