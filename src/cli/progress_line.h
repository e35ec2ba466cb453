// SPDX-License-Identifier: Apache-2.0
#pragma once

// Shows how long work goes on: a line that is rewritten on a terminal, status messages with --json,
// nothing otherwise. Also the Observer that prints trouble, from whatever thread it comes.

#include <chrono>
#include <functional>
#include <set>
#include <string>
#include <thread>

#include "src/cli/context.h"
#include "src/engine/observer.h"
#include "util/mutex.h"

namespace lagan::cli {

class ProgressLine : public Observer {
 public:
  // `during` is restic's word for what goes on when trouble comes: "archival", "restore". `things`
  // are what progress.files_done counts.
  ProgressLine(const Context& context, std::string during, std::string things = "files");
  ~ProgressLine() override;

  void trouble(const std::string& path, const Error& error) override;
  void note(const std::string& text) override;
  void item(const std::string& path, ItemChange change, std::uint64_t size) override;
  bool wants_totals() const override { return thread_.joinable(); }
  bool wants_items() const override { return context_.globals.verbose >= 2; }

  // Has `print` write whole lines, not into the line that is rewritten.
  void interrupt(const std::function<void()>& print);

  // Stops and clears the line, before the summary.
  void finish();
  double seconds() const;

 private:
  void run(const std::stop_token& stop);
  void show(bool is_last) REQUIRES(mutex_);
  std::string line() const;
  Json status() const;

  const Context& context_;
  const std::string during_, things_;
  const std::chrono::steady_clock::time_point started_;
  const bool on_terminal_;
  Mutex mutex_;
  Condition wake_;
  bool line_is_shown_ GUARDED_BY(mutex_) = false;
  std::jthread thread_;
};

}  // namespace lagan::cli
