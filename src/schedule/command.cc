// SPDX-License-Identifier: Apache-2.0
#include "src/schedule/command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>

#include "src/schedule/host.h"
#include "src/schedule/process_guard.h"
#include "util/file.h"

namespace lagan {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::size_t kKeptBytes = 64 << 10;
// How soon a stop is noticed.
constexpr int kPollMilliseconds = 200;

struct Pipe {
  File reading, writing;
  static Result<Pipe> make() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return fail(system_error("make a pipe", errno));
    return Pipe{File(ends[0]), File(ends[1])};
  }
  // The same from a socket: who reads no more is then an error, not a SIGPIPE.
  static Result<Pipe> make_socket() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
      return fail(system_error("make a socket", errno));
    return Pipe{File(ends[0]), File(ends[1])};
  }
};

// What one of its outputs says, as a whole and by lines.
class Listener {
 public:
  Listener(File from, bool is_error, const CommandOrder& order)
      : from_(std::move(from)), is_error_(is_error), order_(order) {}

  int descriptor() const { return from_.descriptor(); }
  bool is_open() const { return from_.is_open(); }
  void read() {
    std::array<char, 16384> buffer;
    const ssize_t size = ::read(from_.descriptor(), buffer.data(), buffer.size());
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (size <= 0) {
      close();
      return;
    }
    const std::string_view text(buffer.data(), static_cast<std::size_t>(size));
    said_ += text;
    if (said_.size() > 2 * kKeptBytes) cut();
    line_ += text;
    for (std::size_t end = 0; (end = line_.find('\n')) != std::string::npos;) {
      tell(std::string_view(line_).substr(0, end));
      line_.erase(0, end + 1);
    }
    if (line_.size() > kKeptBytes) {
      tell(line_);
      line_.clear();
    }
  }
  std::string take() {
    if (said_.size() > kKeptBytes) cut();
    return std::move(said_);
  }
  bool was_cut() const { return was_cut_; }
  void close() {
    if (!line_.empty()) tell(line_);
    line_.clear();
    from_ = File();
  }

 private:
  void cut() {
    said_.erase(0, said_.size() - kKeptBytes);
    was_cut_ = true;
  }
  void tell(std::string_view line) const {
    if (order_.on_line) order_.on_line(is_error_, line);
  }

  File from_;
  const bool is_error_;
  const CommandOrder& order_;
  std::string said_, line_;
  bool was_cut_ = false;
};

void become(const CommandOrder& order, const std::vector<char*>& arguments, int input, int output,
            int errors) {
  ::dup2(input, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(errors, STDERR_FILENO);
  ::signal(SIGPIPE, SIG_DFL);
  if (const auto lower = lower_priority(order.priority.nice, order.priority.ionice); !lower) {
    const std::string line = lower.error().message + "\n";
    // Whoever cannot even hear of it: so be it.
    if (::write(STDERR_FILENO, line.data(), line.size()) < 0) errno = 0;
  }
  for (const auto& [name, value] : order.variables) ::setenv(name.c_str(), value.c_str(), 1);
  ::execvp(arguments[0], arguments.data());
}

}  // namespace

Result<CommandOutcome> run_command(const CommandOrder& order) {
  Pipe input = TRY(Pipe::make_socket()), output = TRY(Pipe::make()), errors = TRY(Pipe::make());
  std::vector<char*> arguments;
  for (const std::string& word : order.words)
    arguments.push_back(const_cast<char*>(word.c_str()));  // NOLINT: execvp
  arguments.push_back(nullptr);
  const pid_t child = fork_guarded(order.grace, [&] {
    become(order, arguments, input.reading.descriptor(), output.writing.descriptor(),
           errors.writing.descriptor());
  });
  if (child < 0) return fail(system_error("start " + order.words.front(), errno));
  for (File* end : {&input.reading, &output.writing, &errors.writing}) *end = File();
  ::fcntl(input.writing.descriptor(), F_SETFL, O_NONBLOCK);
  Listener heard(std::move(output.reading), false, order);
  Listener told(std::move(errors.reading), true, order);
  std::size_t written = 0;
  CommandOutcome outcome;
  bool is_to_end = false;
  const auto started = Steady::now();
  int status = 0;
  bool is_gone = false;
  while (!is_gone || heard.is_open() || told.is_open()) {
    if (!is_gone) {
      const pid_t gone = ::waitpid(child, &status, WNOHANG);
      if (gone < 0) return fail(system_error("wait for " + order.words.front(), errno));
      is_gone = gone == child;
    }
    if (written == order.input.size()) input.writing = File();
    std::array<pollfd, 3> wanted = {{{heard.descriptor(), POLLIN, 0},
                                     {told.descriptor(), POLLIN, 0},
                                     {input.writing.descriptor(), POLLOUT, 0}}};
    const int ready = ::poll(wanted.data(), wanted.size(), is_gone ? 0 : kPollMilliseconds);
    // What it has left running in the background may keep its outputs for ever.
    if (is_gone && ready <= 0) break;
    if (wanted[0].revents != 0) heard.read();
    if (wanted[1].revents != 0) told.read();
    if (wanted[2].revents != 0) {
      const ssize_t size = ::send(input.writing.descriptor(), order.input.data() + written,
                                  order.input.size() - written, MSG_NOSIGNAL);
      if (size > 0) written += static_cast<std::size_t>(size);
      if (size < 0 && errno != EAGAIN && errno != EINTR) written = order.input.size();
    }
    const bool is_late =
        order.timeout != 0 && Steady::now() - started > std::chrono::nanoseconds(order.timeout);
    if (!is_gone && !is_to_end && (is_late || order.stop.stop_requested())) {
      is_to_end = true;
      outcome.was_late = is_late;
      ::kill(child, SIGTERM);
    }
  }
  heard.close();
  told.close();
  outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  outcome.output = heard.take();
  outcome.was_cut = heard.was_cut();
  outcome.errors = told.take();
  return outcome;
}

}  // namespace lagan
