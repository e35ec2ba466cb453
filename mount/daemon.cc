// SPDX-License-Identifier: Apache-2.0
#include "mount/daemon.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

namespace lagan {
namespace {

// The old program's rest.
[[noreturn]] void wait_for(pid_t child, const File& report) {
  char byte = 0;
  ssize_t got = 0;
  while ((got = ::read(report.descriptor(), &byte, 1)) < 0 && errno == EINTR) {
  }
  if (got == 1) ::_exit(0);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

}  // namespace

Result<Daemon> Daemon::split() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(system_error("go to the background", errno));
  File reading(ends[0]), writing(ends[1]);
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child < 0) return fail(system_error("go to the background", errno));
  if (child > 0) {
    writing = File();
    wait_for(child, reading);
  }
  return Daemon(std::move(writing));
}

Result<void> Daemon::detach() {
  std::fflush(nullptr);
  const File nowhere = TRY(open_file("/dev/null", O_RDWR));
  // The folder stays the same: names of files among the options begin in it.
  if (::setsid() < 0) return fail(system_error("go to the background", errno));
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::dup2(nowhere.descriptor(), stream) < 0)
      return fail(system_error("go to the background", errno));
  }
  const char byte = 1;
  (void)!::write(report_.descriptor(), &byte, 1);
  report_ = File();
  return {};
}

}  // namespace lagan
