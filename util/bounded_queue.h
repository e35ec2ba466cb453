// SPDX-License-Identifier: Apache-2.0
#pragma once

// A first-in first-out queue between threads, bounded by the total weight of what waits in it
// (bytes, or 1 an item). An item heavier than the bound passes when the queue is empty. Any thread
// may call anything.

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

#include "util/mutex.h"

namespace lagan {

template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t max_weight) : max_weight_(max_weight) {}

  // Waits for room. False, and the item is dropped, once the queue is closed.
  bool push(T item, std::size_t weight = 1) {
    MutexLock lock(mutex_);
    while (!closed_ && !items_.empty() && weight_ + weight > max_weight_) not_full_.wait(mutex_);
    if (closed_) return false;
    weight_ += weight;
    items_.emplace_back(std::move(item), weight);
    not_empty_.notify_one();
    return true;
  }

  // Waits for an item. Nothing once the queue is closed and empty.
  std::optional<T> pop() {
    MutexLock lock(mutex_);
    while (items_.empty() && !closed_) not_empty_.wait(mutex_);
    if (items_.empty()) return std::nullopt;
    std::optional<T> item(std::move(items_.front().first));
    weight_ -= items_.front().second;
    items_.pop_front();
    not_full_.notify_all();
    return item;
  }

  // No more items come. What waits can still be popped.
  void close() {
    MutexLock lock(mutex_);
    closed_ = true;
    not_empty_.notify_all();
    not_full_.notify_all();
  }

  // Closes and drops what waits: the run has failed.
  void abandon() {
    MutexLock lock(mutex_);
    closed_ = true;
    items_.clear();
    weight_ = 0;
    not_empty_.notify_all();
    not_full_.notify_all();
  }

 private:
  const std::size_t max_weight_;
  Mutex mutex_;
  Condition not_full_, not_empty_;
  std::deque<std::pair<T, std::size_t>> items_ GUARDED_BY(mutex_);
  std::size_t weight_ GUARDED_BY(mutex_) = 0;
  bool closed_ GUARDED_BY(mutex_) = false;
};

}  // namespace lagan
