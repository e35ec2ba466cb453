// SPDX-License-Identifier: Apache-2.0
#include "storage/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace lagan {
namespace {

constexpr std::size_t kWordsMax = std::size_t{64} << 10;
constexpr int kLastWordsMs = 500;

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> all;
  for (const std::string& word : words)
    all.push_back(const_cast<char*>(word.c_str()));  // NOLINT: execvpe
  all.push_back(nullptr);
  return all;
}

}  // namespace

Result<std::unique_ptr<ChildProcess>> ChildProcess::start(
    const std::vector<std::string>& words, const std::vector<std::string>& environment) {
  int ends[2], errors[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return fail(system_error("make a socket pair", errno));
  File ours(ends[0]), theirs(ends[1]);
  if (::pipe2(errors, O_CLOEXEC | O_NONBLOCK) != 0) return fail(system_error("make a pipe", errno));
  File their_errors(errors[1]);
  std::unique_ptr<ChildProcess> child(new ChildProcess);
  child->errors_ = File(errors[0]);
  // Prepared before the fork: afterwards nothing may be allocated.
  std::vector<std::string> variables;
  for (char** at = environ; *at != nullptr; ++at) variables.emplace_back(*at);
  variables.insert(variables.end(), environment.begin(), environment.end());
  const std::vector<char*> arguments = pointers(words), settings = pointers(variables);

  child->pid_ = ::fork();
  if (child->pid_ < 0) return fail(system_error("start " + words[0], errno));
  if (child->pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    // Ctrl-C is for us to hear; the child ends with its socket.
    ::setpgid(0, 0);
    ::dup2(theirs.descriptor(), STDIN_FILENO);
    ::dup2(theirs.descriptor(), STDOUT_FILENO);
    ::dup2(their_errors.descriptor(), STDERR_FILENO);
    ::signal(SIGPIPE, SIG_DFL);
    ::execvpe(arguments[0], arguments.data(), settings.data());
    constexpr char kMissing[] = "the program cannot be started: is it installed?\n";
    (void)!::write(STDERR_FILENO, kMissing, sizeof kMissing - 1);
    ::_exit(127);
  }
  ::fcntl(ours.descriptor(), F_SETFL, O_NONBLOCK);
  child->socket_ = std::move(ours);
  return child;
}

ChildProcess::~ChildProcess() {
  if (pid_ <= 0) return;
  socket_ = File();
  ::kill(pid_, SIGTERM);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

std::string ChildProcess::last_words() {
  char buffer[4096];
  while (said_.size() < kWordsMax) {
    pollfd input{errors_.descriptor(), POLLIN, 0};
    if (::poll(&input, 1, kLastWordsMs) <= 0) break;
    const ssize_t got = ::read(errors_.descriptor(), buffer, sizeof buffer);
    if (got <= 0) break;
    said_.append(buffer, static_cast<std::size_t>(got));
  }
  std::string_view text = said_;
  std::string_view last;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    while (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty() && !line.starts_with("Warning:")) last = line;
  }
  return std::string(last);
}

}  // namespace lagan
