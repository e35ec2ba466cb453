// SPDX-License-Identifier: Apache-2.0
#include "src/cli/progress_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "src/cli/node_format.h"
#include "src/cli/terminal.h"

namespace lagan::cli {
namespace {

using Seconds = std::chrono::duration<double>;

// How soon SIGUSR1 is answered. Waking up five times a second costs nothing that can be measured.
constexpr Seconds kSignalPause(0.2);
constexpr double kFpsMax = 60;

double wanted_fps() {
  const char* wanted = std::getenv("LAGAN_PROGRESS_FPS");
  return wanted != nullptr ? std::strtod(wanted, nullptr) : 0;
}

// Enough for the eye on a terminal; for programs that read JSON; for a log.
Seconds pause_for(bool json, bool on_terminal) {
  const double fps = wanted_fps();
  if (fps > 0) return Seconds(1 / std::min(fps, kFpsMax));
  return Seconds(json ? 1 : on_terminal ? 0.25 : 10);
}

bool is_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    const std::string_view locale = value;
    return locale.find("UTF-8") != std::string_view::npos ||
           locale.find("utf8") != std::string_view::npos;
  }
  return false;
}

}  // namespace

ProgressLine::Display ProgressLine::display_for(const Context& context) {
  const Globals& globals = context.globals;
  if (globals.quiet) return Display::none;
  if (globals.json) return Display::json;
  const char* terminal = std::getenv("TERM");
  // One that knows no escapes could not be written over.
  const bool on_terminal =
      ::isatty(STDERR_FILENO) == 1 && terminal != nullptr && std::string_view(terminal) != "dumb";
  if (on_terminal) return Display::bars;
  // A job of cron speaks only when asked to.
  return globals.progress || wanted_fps() > 0 ? Display::lines : Display::none;
}

ProgressLine::ProgressLine(const Context& context, std::string during, int verbosity_of_items)
    : context_(context),
      during_(std::move(during)),
      verbosity_of_items_(verbosity_of_items),
      started_(std::chrono::steady_clock::now()),
      display_(display_for(context)),
      pause_(pause_for(context.globals.json, display_ == Display::bars)),
      bar_(is_utf8() ? BarStyle::blocks : BarStyle::ascii),
      phase_started_(started_),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

ProgressLine::~ProgressLine() { finish(); }

double ProgressLine::seconds() const {
  return Seconds(std::chrono::steady_clock::now() - started_).count();
}

void ProgressLine::run(const std::stop_token& stop) {
  const MutexLock lock(mutex_);
  unsigned answered = context_.status_requests();
  Time last_shown = started_;
  while (!stop.stop_requested()) {
    wake_.wait_for(mutex_, stop, std::min(pause_, kSignalPause), [] { return false; });
    if (stop.stop_requested()) return;
    if (const unsigned wanted = context_.status_requests(); wanted != answered) {
      answered = wanted;
      answer_signal();
    }
    const Time now = std::chrono::steady_clock::now();
    if (display_ == Display::none || now - last_shown < pause_) continue;
    last_shown = now;
    show();
  }
}

ProgressNumbers ProgressLine::numbers(bool is_over) const {
  const Seconds since = std::chrono::steady_clock::now() - phase_started_;
  return {.phase = phase_,
          .seconds = since.count(),
          .files_done = progress.files_done - files_before_,
          .bytes_done = progress.bytes_done - bytes_before_,
          .files_total = progress.files_total,
          .bytes_total = progress.bytes_total,
          .errors = progress.errors,
          .is_over = is_over};
}

void ProgressLine::show() {
  was_shown_ = true;
  if (display_ == Display::json) return context_.print_json(status_now());
  if (display_ == Display::lines) {
    const std::string line = progress_text(numbers(), BarStyle::none, std::string::npos);
    return put(stderr, fmt::format("lagan: {}\n", line));
  }
  // The last column would make some terminals begin a new line.
  const std::size_t columns = terminal_width(STDERR_FILENO, 80) - 1;
  put(stderr, fmt::format("\r\033[K{}", progress_text(numbers(), bar_, columns)));
  std::fflush(stderr);
  line_is_shown_ = true;
}

void ProgressLine::answer_signal() {
  clear_line();
  if (context_.globals.json) {
    put(stderr, fmt::format("{}\n", status_now().dump()));
    return;
  }
  put(stderr,
      fmt::format("lagan: {}\n", progress_text(numbers(), BarStyle::none, std::string::npos)));
}

void ProgressLine::clear_line() {
  if (!line_is_shown_) return;
  put(stderr, "\r\033[K");
  std::fflush(stderr);
  line_is_shown_ = false;
}

// What has been seen stays; what took no time to see leaves no trace.
void ProgressLine::end_phase() {
  clear_line();
  if (display_ == Display::bars && was_shown_) {
    const std::size_t columns = terminal_width(STDERR_FILENO, 80) - 1;
    put(stderr, progress_text(numbers(true), bar_, columns) + "\n");
  }
  if (display_ == Display::lines && is_begun_) {
    const std::string line = progress_text(numbers(true), BarStyle::none, std::string::npos);
    put(stderr, fmt::format("lagan: {}\n", line));
  }
  was_shown_ = false;
}

void ProgressLine::begin(Phase phase) {
  const MutexLock lock(mutex_);
  end_phase();
  phase_ = phase;
  is_begun_ = true;
  phase_started_ = std::chrono::steady_clock::now();
  // A phase that counts nothing leaves the figures of the one before to those who read JSON.
  if (!is_counted(phase)) return;
  unit_ = phase_unit(phase);
  files_before_ = progress.files_done;
  bytes_before_ = progress.bytes_done;
  progress.files_total = 0;
  progress.bytes_total = 0;
}

void ProgressLine::interrupt(const std::function<void()>& print) {
  const MutexLock lock(mutex_);
  clear_line();
  print();
}

void ProgressLine::finish() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
  const MutexLock lock(mutex_);
  end_phase();
}

Json ProgressLine::status() const {
  const MutexLock lock(mutex_);
  return status_now();
}

Json ProgressLine::status_now() const {
  const ProgressNumbers now = numbers();
  Json message{{"message_type", "status"},
               {"seconds_elapsed", static_cast<std::uint64_t>(seconds())},
               {"phase", phase_name(now.phase)}};
  if (const auto left = seconds_left(now); left && *left > 0)
    message["seconds_remaining"] = static_cast<std::uint64_t>(*left);
  message["percent_done"] = done_share(now).value_or(now.bytes_total != 0 ? 1.0 : 0.0);
  message["total_" + unit_] = std::max(now.files_total, now.files_done);
  message[unit_ + "_done"] = now.files_done;
  message["total_bytes"] = std::max(now.bytes_total, now.bytes_done);
  message["bytes_done"] = now.bytes_done;
  if (now.errors != 0) message["error_count"] = now.errors;
  return message;
}

void ProgressLine::trouble(const std::string& path, const Error& error) {
  const MutexLock lock(mutex_);
  if (context_.globals.json) {
    Json message{
        {"message_type", "error"}, {"error", {{"message", error.message}}}, {"during", during_}};
    put_text(message, "item", path);
    put(stderr, fmt::format("{}\n", message.dump(-1, ' ', false, Json::error_handler_t::replace)));
    return;
  }
  clear_line();
  put(stderr, fmt::format("{} {}: {}\n", painted("lagan:", Style::error, STDERR_FILENO),
                          printable(path), error.message));
}

void ProgressLine::note(const std::string& text) {
  const MutexLock lock(mutex_);
  clear_line();
  context_.warn(text);
}

void ProgressLine::item(const std::string& path, ItemChange change, std::uint64_t size) {
  static constexpr const char* kSaved[] = {"new", "modified", "unchanged", "removed"};
  static constexpr const char* kRestored[] = {"restored", "updated", "unchanged", "deleted"};
  const char* word = (during_ == "restore" ? kRestored : kSaved)[static_cast<std::size_t>(change)];
  if (change == ItemChange::unchanged && during_ != "restore" && context_.globals.verbose < 2)
    return;
  const MutexLock lock(mutex_);
  if (context_.globals.json) {
    Json message{{"message_type", "verbose_status"}, {"action", word}};
    put_text(message, "item", path);
    message["data_size"] = size;
    context_.print_json(message);
    return;
  }
  clear_line();
  put(stdout, fmt::format("{:9} {}\n", word, printable(path)));
}

}  // namespace lagan::cli
