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

// What long work is at. `files`, `trees`, `packs`, `copy`, `remove` and `verify` count something;
// the others are short, or nobody knows how long they take.
enum class Phase : std::uint8_t {
  work,     // of somebody who tells nothing more
  index,    // the local index is brought in line
  files,    // read, or restored
  folders,  // get their attributes
  commit,   // last packs and the snapshot
  trees,    // walked, snapshot by snapshot
  packs,    // read whole
  mark,     // what snapshots need is found
  copy,     // chunks are stored again, or in another repository
  remove,   // objects are deleted
  verify    // what was written is read again
};

class Observer {
 public:
  virtual ~Observer() = default;

  // A phase begins, after which those before count nothing any more. It sets its totals, if it
  // knows them, afterwards. On the thread that runs the work.
  virtual void begin(Phase phase) { (void)phase; }
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
