// SPDX-License-Identifier: Apache-2.0
#include "src/schedule/run_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <syslog.h>

#include <cerrno>
#include <cstdio>
#include <ctime>

namespace lagan {
namespace {

constexpr int kOldFiles = 4;

}  // namespace

Result<LogFile> LogFile::open(std::string path, Clock clock, std::uint64_t limit_bytes) {
  LogFile log(std::move(path), std::move(clock), limit_bytes);
  TRY(log.reopen());
  return log;
}

Result<void> LogFile::reopen() {
  file_ = TRY_IN("log.file", open_file(path_, O_WRONLY | O_APPEND | O_CREAT, 0640));
  return {};
}

Result<void> LogFile::turn_if_long() {
  struct stat ours {};
  struct stat named {};
  // Somebody else may have turned it.
  if (::stat(path_.c_str(), &named) != 0 || ::fstat(file_.descriptor(), &ours) != 0 ||
      named.st_ino != ours.st_ino || named.st_dev != ours.st_dev) {
    TRY(reopen());
    return {};
  }
  if (static_cast<std::uint64_t>(ours.st_size) < limit_bytes_) return {};
  // Or be about to: then it will not be under its name once the lock is ours.
  if (::flock(file_.descriptor(), LOCK_EX) != 0) return fail(system_error("log.file", errno));
  if (::stat(path_.c_str(), &named) == 0 && named.st_ino == ours.st_ino) {
    for (int i = kOldFiles; i > 0; --i) {
      const std::string from = i == 1 ? path_ : fmt::format("{}.{}", path_, i - 1);
      // Those that there are not yet cannot be renamed.
      (void)std::rename(from.c_str(), fmt::format("{}.{}", path_, i).c_str());
    }
  }
  TRY(reopen());
  return {};
}

Result<void> LogFile::add(const std::string& line) {
  TRY(turn_if_long());
  const std::time_t seconds = clock_() / 1'000'000'000;
  std::tm local{};
  ::localtime_r(&seconds, &local);
  char time[40];
  const std::size_t size = std::strftime(time, sizeof time, "%Y-%m-%dT%H:%M:%S%z", &local);
  return write_all(file_.descriptor(),
                   as_bytes(fmt::format("{} {}\n", std::string_view(time, size), line)));
}

void add_to_journal(const std::string& line, bool is_warning) {
  ::openlog("lagan", LOG_PID, LOG_USER);
  ::syslog(is_warning ? LOG_WARNING : LOG_INFO, "%s", line.c_str());
}

}  // namespace lagan
