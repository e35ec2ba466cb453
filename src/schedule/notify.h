// SPDX-License-Identifier: Apache-2.0
#pragma once

// Who is told how a run went, and by which way. A way that fails is a warning: it does not make the
// run fail, and does not keep the others from being told.

#include <functional>
#include <string>
#include <vector>

#include "src/schedule/command.h"
#include "src/schedule/profile.h"
#include "src/schedule/run_state.h"

namespace lagan {

struct Report {
  bool is_failure = false;
  std::string title;  // "lagan: home failed on attic"
  std::string text;   // what happened, in lines
};

// Is it time to tell somebody? Of a failure at once, then once a `repeat`; of its end; of success
// only who wants to know always. Keeps in `record` when that was.
bool is_worth_telling(const Profile& profile, bool is_failure, ProfileRecord& record,
                      Nanoseconds now);

class Notifier {
 public:
  // POSTs a text; an error is not a status of success.
  using Post = std::function<Result<void>(const std::string& url, const std::string& text)>;
  using RunCommand = std::function<Result<CommandOutcome>(const CommandOrder&)>;

  Notifier(const Profile& profile, Post post, RunCommand run)
      : profile_(profile), post_(std::move(post)), run_(std::move(run)) {}

  // Beats of the heart, as healthchecks and its kin want them: each run, whatever it came to.
  std::vector<std::string> tell_start() const;
  std::vector<std::string> tell_end(const Report& report) const;
  // By mail, command and on the desktop. Each returns what went wrong.
  std::vector<std::string> tell(const Report& report) const;

 private:
  void add_trouble(std::vector<std::string>& trouble, const std::string& way,
                   const CommandOrder& order) const;

  const Profile& profile_;
  const Post post_;
  const RunCommand run_;
};

// POSTs by HTTP or HTTPS, with a limit of time and a second try.
Notifier::Post http_post(const std::string& user_agent);

// The state of one profile for Prometheus' textfile collector.
std::string metrics_text(const Profile& profile, const ProfileRecord& record);

}  // namespace lagan
