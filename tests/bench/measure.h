// SPDX-License-Identifier: Apache-2.0
#pragma once

// What programs that measure at scale share: CPU and memory of this process, and work apart.

#include <fmt/format.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>

#include "util/result.h"

namespace lagan::measure {

// What `clock` (this thread or the whole process) has worked, so that a busy machine shows less.
inline double cpu_seconds(clockid_t clock = CLOCK_THREAD_CPUTIME_ID) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// In MB, from /proc/self/status: VmRSS now, VmHWM at its highest.
inline double memory(const std::string& what) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(what + ":"))
      return std::strtod(line.c_str() + what.size() + 1, nullptr) / 1000;
  }
  return 0;
}

template <typename T>
T or_die(Result<T> result) {
  if (result) {
    if constexpr (std::is_void_v<T>)
      return;
    else
      return std::move(*result);
  }
  fmt::print(stderr, "{}\n", result.error().message);
  std::exit(1);
}

// In a process of its own, so that its memory is not seen by the next.
inline void apart(const std::function<void()>& work) {
  std::fflush(stdout);
  const pid_t child = ::fork();
  if (child == 0) {
    work();
    std::fflush(stdout);
    std::_Exit(0);
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child || status != 0) std::exit(1);
}

}  // namespace lagan::measure
