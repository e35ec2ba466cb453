// SPDX-License-Identifier: Apache-2.0
#include "storage/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

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
  for (char** at = environ; *at != nullptr; ++at) {
    const std::string_view variable = *at;
    const std::string_view name = variable.substr(0, variable.find('=') + 1);
    const bool is_replaced = std::ranges::any_of(
        environment, [&](const std::string& own) { return own.starts_with(name); });
    if (!is_replaced) variables.emplace_back(variable);
  }
  variables.insert(variables.end(), environment.begin(), environment.end());
  const std::vector<char*> arguments = pointers(words), settings = pointers(variables);

  child->pid_ = ::fork();
  if (child->pid_ < 0) return fail(system_error("start " + words[0], errno));
  if (child->pid_ == 0) {
    // Ctrl-C is for us to hear. The child ends when its input does, also if we are killed. (The
    // kernel could tell it, but does so when the thread that made it ends.)
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
  ::kill(-pid_, SIGTERM);  // and whatever it has started
  ::kill(pid_, SIGTERM);   // which may not have come so far as to be a group
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

// False once there is nothing to come, or nothing came in time.
bool ChildProcess::take_words(int wait_ms) {
  char buffer[4096];
  pollfd input{errors_.descriptor(), POLLIN, 0};
  if (::poll(&input, 1, wait_ms) <= 0) return false;
  const ssize_t got = ::read(errors_.descriptor(), buffer, sizeof buffer);
  if (got <= 0) return false;
  const MutexLock lock(mutex_);
  said_.append(buffer, static_cast<std::size_t>(got));
  if (said_.size() > kWordsMax) said_.erase(0, said_.size() - kWordsMax);
  return true;
}

void ChildProcess::drain() {
  while (take_words(0)) {
  }
}

Result<std::string> ChildProcess::wait_for_line(const std::vector<std::string_view>& wanted,
                                                int seconds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  do {
    {
      const MutexLock lock(mutex_);
      for (const std::string_view each : wanted) {
        const std::size_t at = said_.find(each);
        const std::size_t line_end = said_.find('\n', at);
        if (at == std::string::npos || line_end == std::string::npos) continue;
        const std::size_t begin = said_.rfind('\n', at) + 1;
        return said_.substr(begin, line_end - begin);
      }
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    if (left.count() <= 0 || !take_words(static_cast<int>(left.count()))) break;
  } while (true);
  return fail(
      Error{ErrorCode::unavailable, "a program that was started says nothing", Retry::backoff, {}});
}

std::string ChildProcess::last_words() {
  while (take_words(kLastWordsMs)) {
  }
  const MutexLock lock(mutex_);
  std::string_view text = said_;
  std::string_view last;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    while (line.ends_with('\r')) line.remove_suffix(1);
    const bool is_news = !line.starts_with("Warning:") && !line.starts_with("lagan:");
    if (!line.empty() && is_news) last = line;
  }
  return std::string(last);
}

}  // namespace lagan
