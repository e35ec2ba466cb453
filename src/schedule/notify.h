// SPDX-License-Identifier: Apache-2.0
#pragma once

// Who is told how a run went, and by which way. A way that fails is a warning: it does not make the
// run fail, and does not keep the others from being told.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "src/schedule/command.h"
#include "src/schedule/profile.h"
#include "src/schedule/run_state.h"
#include "src/schedule/step_words.h"

namespace lagan {

enum class Outcome {
  well,
  incomplete,  // some of the source could not be read, or a hook failed that may
  failed
};

struct Report {
  Outcome outcome = Outcome::well;
  std::string title;    // "lagan: home failed on attic"
  std::string text;     // what happened, in lines
  Variables variables;  // for `notify.command`
};

// Is it time to tell somebody? Of what did not go well at once, and when it gets worse, then once a
// `repeat`; of its end; of success only who wants to know always. Keeps in `record` when that was.
bool is_worth_telling(const Profile& profile, Outcome outcome, ProfileRecord& record,
                      Nanoseconds now);

class Notifier {
 public:
  // POSTs a text; an error is not a status of success.
  using Post = std::function<Result<void>(const std::string& url, const std::string& text)>;
  using RunCommand = std::function<Result<CommandOutcome>(const CommandOrder&)>;

  Notifier(const Profile& profile, Post post, RunCommand run)
      : profile_(profile), post_(std::move(post)), run_(std::move(run)) {}

  // Beats of the heart, as healthchecks and its kin want them: each run, whatever it came to. What
  // is incomplete has made a snapshot: the heart beats, and the text says what is left out.
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

// The state of profiles for Prometheus' textfile collector.
std::string metrics_text(const std::map<std::string, ProfileRecord>& profiles);

}  // namespace lagan
