// SPDX-License-Identifier: Apache-2.0
#pragma once

// Shows how long work goes on: on a terminal a bar for each phase, the last one rewritten in place;
// status messages with --json; lines with --progress; else nothing but what SIGUSR1 asks for. Also
// the Observer that prints trouble, from whatever thread it comes.

#include <chrono>
#include <functional>
#include <set>
#include <string>
#include <thread>

#include "src/cli/context.h"
#include "src/cli/progress_text.h"
#include "src/engine/observer.h"
#include "util/mutex.h"

namespace lagan::cli {

class ProgressLine : public Observer {
 public:
  // `during` is restic's word for what goes on when trouble comes: "archival", "restore". Items are
  // named from so many -v on; unchanged ones always need two.
  ProgressLine(const Context& context, std::string during, int verbosity_of_items = 2);
  ~ProgressLine() override;

  void begin(Phase phase) override;
  void trouble(const std::string& path, const Error& error) override;
  void note(const std::string& text) override;
  void item(const std::string& path, ItemChange change, std::uint64_t size) override;
  bool wants_totals() const override { return display_ != Display::none; }
  bool wants_items() const override { return context_.globals.verbose >= verbosity_of_items_; }

  // Has `print` write whole lines in between, not into the one that is rewritten.
  void interrupt(const std::function<void()>& print);

  // Ends the last phase and stops, before the summary.
  void finish();
  double seconds() const;
  // What --json tells of how far it is, in the words of what is counted.
  Json status() const;

 private:
  enum class Display { none, bars, lines, json };
  using Time = std::chrono::steady_clock::time_point;

  static Display display_for(const Context& context);
  void run(const std::stop_token& stop);
  void show() REQUIRES(mutex_);
  void answer_signal() REQUIRES(mutex_);
  void end_phase() REQUIRES(mutex_);
  void clear_line() REQUIRES(mutex_);
  ProgressNumbers numbers(bool is_over = false) const REQUIRES(mutex_);
  Json status_now() const REQUIRES(mutex_);

  const Context& context_;
  const std::string during_;
  const int verbosity_of_items_;
  const Time started_;
  const Display display_;
  const std::chrono::duration<double> pause_;
  const BarStyle bar_;
  mutable Mutex mutex_;
  Condition wake_;
  Phase phase_ GUARDED_BY(mutex_) = Phase::work;
  std::string unit_ GUARDED_BY(mutex_) = "files";  // of what is counted, or was last
  bool is_begun_ GUARDED_BY(mutex_) = false;       // somebody told a phase
  Time phase_started_ GUARDED_BY(mutex_);
  // What the counters were when the phase began.
  std::uint64_t files_before_ GUARDED_BY(mutex_) = 0, bytes_before_ GUARDED_BY(mutex_) = 0;
  bool line_is_shown_ GUARDED_BY(mutex_) = false;
  bool was_shown_ GUARDED_BY(mutex_) = false;  // this phase, at least once
  std::jthread thread_;
};

}  // namespace lagan::cli
