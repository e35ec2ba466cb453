// SPDX-License-Identifier: Apache-2.0
#include "src/cli/progress_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

namespace lagan::cli {
namespace {

// Times a second: LAGAN_PROGRESS_FPS, else enough for the eye on a terminal and one for a program
// that reads JSON.
double frames_per_second(bool json) {
  if (const char* wanted = std::getenv("LAGAN_PROGRESS_FPS")) {
    const double fps = std::strtod(wanted, nullptr);
    if (fps > 0) return std::min(fps, 60.0);
  }
  return json ? 1 : 4;
}

std::string clock_text(double seconds) {
  const auto whole = static_cast<long>(seconds);
  if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

}  // namespace

ProgressLine::ProgressLine(const Context& context, std::string during, std::string things)
    : context_(context),
      during_(std::move(during)),
      things_(std::move(things)),
      started_(std::chrono::steady_clock::now()),
      on_terminal_(::isatty(STDERR_FILENO) == 1 && !context.globals.json &&
                   !context.globals.quiet) {
  if (on_terminal_ || (context.globals.json && !context.globals.quiet)) {
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }
}

ProgressLine::~ProgressLine() { finish(); }

double ProgressLine::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
}

void ProgressLine::run(const std::stop_token& stop) {
  const std::chrono::duration<double> pause(1 / frames_per_second(context_.globals.json));
  const MutexLock lock(mutex_);
  while (!stop.stop_requested()) {
    wake_.wait_for(mutex_, stop, pause, [] { return false; });
    if (!stop.stop_requested()) show(false);
  }
}

void ProgressLine::show(bool is_last) {
  if (context_.globals.json) {
    if (!is_last) context_.print_json(status());
    return;
  }
  if (is_last && !line_is_shown_) return;
  put(stderr, fmt::format("\r\033[K{}", is_last ? "" : line()));
  std::fflush(stderr);
  line_is_shown_ = !is_last;
}

void ProgressLine::finish() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
  const MutexLock lock(mutex_);
  show(true);
}

std::string ProgressLine::line() const {
  const std::uint64_t bytes = progress.bytes_done, total = progress.bytes_total;
  const double elapsed = seconds();
  const double rate = elapsed > 0 ? static_cast<double>(bytes) / elapsed : 0;
  std::string text = fmt::format("[{}] {} {}, {}", clock_text(elapsed), progress.files_done.load(),
                                 things_, format_bytes(bytes));
  if (total > bytes && rate > 0) {
    text += fmt::format(" of {} ({:.0f} %), {}/s, {} left", format_bytes(total),
                        100 * static_cast<double>(bytes) / static_cast<double>(total),
                        format_bytes(static_cast<std::uint64_t>(rate)),
                        clock_text(static_cast<double>(total - bytes) / rate));
  } else {
    text += fmt::format(", {}/s", format_bytes(static_cast<std::uint64_t>(rate)));
  }
  if (const auto errors = progress.errors.load(); errors != 0)
    text += fmt::format(", {} errors", errors);
  return text;
}

Json ProgressLine::status() const {
  const std::uint64_t bytes = progress.bytes_done, total = progress.bytes_total;
  const double elapsed = seconds();
  Json message{{"message_type", "status"},
               {"seconds_elapsed", static_cast<std::uint64_t>(elapsed)}};
  if (total > bytes && bytes > 0) {
    message["seconds_remaining"] = static_cast<std::uint64_t>(
        elapsed * static_cast<double>(total - bytes) / static_cast<double>(bytes));
  }
  message["percent_done"] =
      total != 0 ? std::min(1.0, static_cast<double>(bytes) / static_cast<double>(total)) : 0.0;
  message["total_" + things_] = std::max(progress.files_total.load(), progress.files_done.load());
  message[things_ + "_done"] = progress.files_done.load();
  message["total_bytes"] = std::max(total, bytes);
  message["bytes_done"] = bytes;
  if (progress.errors != 0) message["error_count"] = progress.errors.load();
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
  if (on_terminal_) show(true);
  put(stderr, fmt::format("lagan: {}: {}\n", path, error.message));
}

void ProgressLine::interrupt(const std::function<void()>& print) {
  const MutexLock lock(mutex_);
  if (on_terminal_) show(true);
  print();
}

void ProgressLine::note(const std::string& text) {
  const MutexLock lock(mutex_);
  if (on_terminal_) show(true);
  context_.warn(text);
}

void ProgressLine::item(const std::string& path, ItemChange change, std::uint64_t size) {
  static constexpr const char* kWords[] = {"new", "modified", "unchanged", "removed"};
  const char* word = kWords[static_cast<std::size_t>(change)];
  const MutexLock lock(mutex_);
  if (context_.globals.json) {
    Json message{{"message_type", "verbose_status"}, {"action", word}};
    put_text(message, "item", path);
    message["data_size"] = size;
    context_.print_json(message);
    return;
  }
  if (on_terminal_) show(true);
  put(stdout, fmt::format("{:9} {}\n", word, path));
}

}  // namespace lagan::cli
