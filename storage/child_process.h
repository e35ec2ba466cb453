// SPDX-License-Identifier: Apache-2.0
#pragma once

// A program that speaks to us over a socket at its standard input and output, as ssh does. What it
// says on standard error is kept for messages. Its input ends with this process, and it is ended
// with its owner. One thread at a time.

#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "util/file.h"
#include "util/mutex.h"
#include "util/result.h"

namespace lagan {

class ChildProcess {
 public:
  // `words[0]` is looked up in PATH. `environment` ("NAME=value") is added to ours, or replaces it.
  static Result<std::unique_ptr<ChildProcess>> start(
      const std::vector<std::string>& words, const std::vector<std::string>& environment = {});
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // Non-blocking, both directions.
  int socket() const { return socket_.descriptor(); }
  // The first line on standard error with one of these in it; `unavailable` if none comes in time.
  Result<std::string> wait_for_line(const std::vector<std::string_view>& wanted, int seconds);
  // Takes what it has said on standard error, so that it can go on speaking. Any thread.
  void drain();
  // The last line that is no warning of what it has said on standard error so far; it is given a
  // moment to say it.
  std::string last_words();

 private:
  ChildProcess() = default;
  bool take_words(int wait_ms);

  pid_t pid_ = -1;
  File socket_, errors_;
  Mutex mutex_;
  std::string said_ GUARDED_BY(mutex_);
};

}  // namespace lagan
