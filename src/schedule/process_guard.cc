// SPDX-License-Identifier: Apache-2.0
#include "src/schedule/process_guard.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace lagan {
namespace {

constexpr int kCannotStart = 127;  // as a shell says it

void set_alarm(Nanoseconds in) {
  constexpr Nanoseconds kSecond = 1'000'000'000, kMicrosecond = 1'000;
  const itimerval once{{0, 0}, {in / kSecond, in % kSecond / kMicrosecond}};
  ::setitimer(ITIMER_REAL, &once, nullptr);
}

// `before` is how signals were blocked.
[[noreturn]] void guard(pid_t parent, const sigset_t& heard, const sigset_t& before,
                        Nanoseconds grace, const std::function<void()>& become) {
  ::setpgid(0, 0);
  ::signal(SIGCHLD, SIG_DFL);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  // What loses its parent in the group is ours to wait for.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  const pid_t program = ::fork();
  if (program == 0) {
    // Somebody may kill us too.
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    ::signal(SIGTERM, SIG_DFL);
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    become();
    ::_exit(kCannotStart);
  }
  if (program < 0) ::_exit(kCannotStart);
  // Else the other ends of its pipes would never see its end, and a lock outlive its holder.
  ::close_range(0, ~0U, 0);
  bool is_over = false, is_ending = false;
  // It may have gone before the kernel was asked to tell.
  if (::getppid() != parent) ::kill(::getpid(), SIGTERM);
  for (int code = kCannotStart;;) {
    int status = 0;
    pid_t gone = 0;
    while ((gone = ::waitpid(-1, &status, WNOHANG)) > 0) {
      if (gone != program) continue;
      is_over = true;
      code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    if (is_over && (!is_ending || gone < 0)) ::_exit(code);
    const int signal = ::sigwaitinfo(&heard, nullptr);
    if (signal == SIGALRM) ::kill(0, SIGKILL);
    if (signal == SIGTERM && !is_ending) {
      is_ending = true;
      ::kill(0, SIGTERM);
      set_alarm(grace);
    }
  }
}

}  // namespace

pid_t fork_guarded(Nanoseconds grace, const std::function<void()>& become) {
  sigset_t heard, before;
  ::sigemptyset(&heard);
  for (const int each : {SIGTERM, SIGCHLD, SIGALRM}) ::sigaddset(&heard, each);
  // Before the fork, or a signal that comes early would go to our handler there.
  ::pthread_sigmask(SIG_BLOCK, &heard, &before);
  const pid_t ours = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) guard(ours, heard, before, grace, become);
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (child > 0) ::setpgid(child, child);
  errno = error;
  return child;
}

}  // namespace lagan
