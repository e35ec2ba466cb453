// SPDX-License-Identifier: Apache-2.0
#pragma once

// What was asked of a storage, each attempt by itself: below the retries, for whoever wants to know
// where the time or the money goes. A put that a backend makes of several requests is one. Any
// thread.

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

#include "storage/storage.h"
#include "util/mutex.h"

namespace lagan {

class RequestCounts {
 public:
  enum class Kind : std::uint8_t { put, get, stat, list, remove, create };
  static constexpr std::array<std::string_view, 6> kNames = {"put",  "get",    "stat",
                                                             "list", "remove", "create"};
  struct Row {
    std::uint64_t calls = 0;
    // With an error that is worth another try, or is the end; that nothing is there is an answer.
    std::uint64_t failures = 0;
    std::uint64_t bytes = 0;           // of objects put or got
    std::chrono::nanoseconds time{0};  // of all calls together, also of those at once
  };

  void note(Kind kind, const Error* failure, std::uint64_t bytes, std::chrono::nanoseconds time);
  std::array<Row, kNames.size()> rows() const;

 private:
  mutable Mutex mutex_;
  std::array<Row, kNames.size()> rows_ GUARDED_BY(mutex_);
};

std::unique_ptr<Storage> with_counts(std::unique_ptr<Storage> inner,
                                     std::shared_ptr<RequestCounts> counts);

}  // namespace lagan
