// SPDX-License-Identifier: Apache-2.0
#pragma once

// What long work tells while it runs. Called from any of its threads, also at the same time.

#include <atomic>
#include <cstdint>
#include <string>

#include "util/result.h"

namespace lagan {

struct Progress {
  std::atomic<std::uint64_t> files_done = 0, bytes_done = 0;
  std::atomic<std::uint64_t> files_total = 0, bytes_total = 0;  // 0: not known (yet)
  std::atomic<std::uint64_t> errors = 0;
};

enum class ItemChange { added, changed, unchanged, removed };

class Observer {
 public:
  virtual ~Observer() = default;

  // One file, folder or entry that could not be handled as it should; the work goes on.
  virtual void trouble(const std::string& path, const Error& error) = 0;
  // Something worth knowing that is no error.
  virtual void note(const std::string& text) { (void)text; }
  // An item is done. Only called if wants_items().
  virtual void item(const std::string& path, ItemChange change, std::uint64_t size) {
    (void)path, (void)change, (void)size;
  }
  virtual bool wants_items() const { return false; }
  // Are totals worth counting, for somebody looks on?
  virtual bool wants_totals() const { return false; }

  Progress progress;
};

}  // namespace lagan
