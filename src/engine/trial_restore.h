// SPDX-License-Identifier: Apache-2.0
#pragma once

// Reads random files whole, from their entry to their last byte, as a restore reads them, and
// writes nothing: what every other check concludes from parts, this one sees.

#include <atomic>
#include <random>
#include <string>
#include <vector>

#include "repo/local_index.h"
#include "repo/tree.h"
#include "src/engine/check_log.h"

namespace lagan {

class TrialRestore {
 public:
  struct File {
    std::string where;  // snapshot and path
    Entry entry;
    Severity severity = Severity::error;  // of its trouble
  };

  TrialRestore(std::size_t files, std::uint64_t seed) : wanted_(files), random_(seed) {}

  // To be called once for each file there is: where to put it, before the next call, if it is
  // drawn, else null. All are as likely to be among those that are left in the end.
  File* draw();
  const std::vector<File>& drawn() const { return drawn_; }

  // Reads those that were drawn. Trouble with a file goes to `log`.
  Result<void> run(const Repository& repository, const LocalIndex& index,
                   const CheckOptions& options, CheckLog& log);

  std::uint64_t bytes() const { return bytes_; }

 private:
  const std::size_t wanted_;
  std::mt19937_64 random_;
  std::uint64_t seen_ = 0;
  std::vector<File> drawn_;
  std::atomic<std::uint64_t> bytes_ = 0;
};

}  // namespace lagan
