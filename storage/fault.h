// SPDX-License-Identifier: Apache-2.0
#pragma once

// A storage that fails on purpose, repeatably, for tests: from operation `stop_at` on every call
// fails as after a crash; or each call fails with a seeded probability; or a put is applied and its
// answer lost.

#include <atomic>
#include <cstdint>
#include <memory>

#include "storage/storage.h"

namespace lagan {

struct FaultPlan {
  std::uint64_t seed = 1;
  std::uint64_t stop_at = UINT64_MAX;    // operations numbered from 0; this one and all later fail
  bool stop_counts_writes_only = true;   // only put and remove are numbered for stop_at
  double passing_error_probability = 0;  // `unavailable`, Retry::backoff, nothing done
  double lost_answer_probability = 0;    // a put done, then `unavailable`
  double no_space_probability = 0;       // a put refused with `no_space`
  double flipped_bit_probability = 0;    // a get returns one bit changed
};

// `operations`, if given, counts the numbered operations (so a test can learn how many there are).
std::unique_ptr<Storage> with_faults(
    std::shared_ptr<Storage> inner, FaultPlan plan,
    std::shared_ptr<std::atomic<std::uint64_t>> operations = nullptr);

}  // namespace lagan
