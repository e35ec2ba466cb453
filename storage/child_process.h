// SPDX-License-Identifier: Apache-2.0
#pragma once

// A program that speaks to us over a socket at its standard input and output, as ssh does. What it
// says on standard error is kept for messages. It dies with this process, and is ended with its
// owner. One thread at a time.

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "util/file.h"
#include "util/result.h"

namespace lagan {

class ChildProcess {
 public:
  // `words[0]` is looked up in PATH. `environment` is added to ours.
  static Result<std::unique_ptr<ChildProcess>> start(
      const std::vector<std::string>& words, const std::vector<std::string>& environment = {});
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // Non-blocking, both directions.
  int socket() const { return socket_.descriptor(); }
  // The last line that is no warning of what it has said on standard error so far; it is given a
  // moment to say it.
  std::string last_words();

 private:
  ChildProcess() = default;
  pid_t pid_ = -1;
  File socket_, errors_;
  std::string said_;
};

}  // namespace lagan
