// SPDX-License-Identifier: Apache-2.0
#include "src/schedule/run.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <memory>

#include "util/duration.h"
#include "util/file.h"

namespace lagan {
namespace {

constexpr Nanoseconds kSecond = 1'000'000'000, kHour = 3600 * kSecond;
// How soon it is seen that network or mains power has come.
constexpr Nanoseconds kLook = 5 * kSecond;
constexpr int kPartial = 3;
// No repository, wrong password, stopped by somebody or because it took too long.
constexpr int kNeverAgain[] = {10, 12, 130, kTimedOut};

std::string schedule_key(Step step) {
  return step == Step::backup ? "schedule" : step_name(step) + ".schedule";
}

std::string called(const std::string& repository, Step step) {
  return repository.empty() ? step_name(step)
                            : fmt::format("{} to {}", step_name(step), repository);
}

StepRecord last(const RepositoryRecord& record, Step step) {
  const auto found = record.steps.find(step);
  return found != record.steps.end() ? found->second : StepRecord();
}

// A check that has found damage has done its work: every hour it would only find the same.
bool is_step_due(const Calendar& schedule, const StepRecord& record, Nanoseconds now) {
  return is_due(schedule, std::max(record.succeeded, record.damage_found), now);
}

class Run {
 public:
  Run(const Profile& profile, const KnownFlags& flags, const RunWorld& world,
      const RunOptions& options)
      : profile_(profile),
        flags_(flags),
        world_(world),
        options_(options),
        notifier_(profile, world.post, world.command) {}

  RunResult run() {
    std::string damage;
    auto loaded = load_record(world_.state_folder, profile_.name, damage);
    if (!loaded) {
      world_.warn(loaded.error().message);
      return RunResult::failed;
    }
    record_ = *std::move(loaded);
    if (!damage.empty()) world_.warn(damage);
    if (!is_anything_due()) {
      say_next();
      return RunResult::nothing_due;
    }
    if (options_.dry_run) return tell_plan();
    auto lock = RunLock::take(world_.state_folder, profile_.name, world_.clock);
    if (!lock) {
      world_.warn(lock.error().message);
      if (lock.error().code != ErrorCode::already_exists) return RunResult::failed;
      // Perhaps for ever.
      lines_.push_back(lock.error().message);
      remember_beside([&](ProfileRecord& told) { return tell_overdue(told); });
      return RunResult::busy;
    }
    // Somebody may have been at work until just now.
    record_ = load_record(world_.state_folder, profile_.name, damage).value_or(record_);
    if (!is_anything_due()) return RunResult::nothing_due;
    take_over_told();
    note_seen();
    return run_locked();
  }

  void tell_not_run(const std::string& why) {
    lines_.push_back(why);
    const Report report = make_report(Outcome::failed, "was not run");
    warn_all(notifier_.tell_end(report));
    remember_beside([&](ProfileRecord& told) {
      tell(report, told);
      return true;
    });
  }

 private:
  bool is_anything_due() const {
    return std::ranges::any_of(profile_.repositories(),
                               [&](const std::string& name) { return !due(name).empty(); });
  }

  std::vector<Step> due(const std::string& name) const {
    const auto found = record_.repositories.find(name);
    return due_steps(profile_,
                     found != record_.repositories.end() ? found->second : RepositoryRecord(),
                     options_.force, world_.clock());
  }

  void say_next() const {
    world_.say(fmt::format("{}: nothing is due", profile_.name));
    warn_all(overdue(profile_, record_, world_.clock()));
  }

  RunResult tell_plan() const {
    for (const std::string& name : profile_.repositories()) {
      for (const Step step : due(name))
        world_.say(fmt::format("{}: would {}", profile_.name, called(name, step)));
    }
    return RunResult::done;
  }

  // False if that does not come in time.
  bool wait_for(const std::string& key, const std::function<bool()>& is_there) {
    if (profile_.find(key) == nullptr) return true;
    const Nanoseconds until = world_.clock() + profile_.duration(key, "0");
    while (!is_there()) {
      if (world_.clock() >= until || world_.is_stopped()) return false;
      world_.wait(std::min(kLook, until - world_.clock()));
    }
    return true;
  }

  RunResult run_locked() {
    const char* missing = !wait_for("limits.wait-for-power", world_.has_power)       ? "mains power"
                          : !wait_for("limits.wait-for-network", world_.has_network) ? "network"
                                                                                     : nullptr;
    if (missing != nullptr) {
      return postpone(missing);
    }
    std::shared_ptr<void> awake;
    if (profile_.flag("limits.keep-awake", true)) awake = world_.keep_awake(profile_.name);
    begun_ = world_.clock();
    find_priority();
    warn_all(notifier_.tell_start());
    if (run_hooks("", "before", {})) {
      for (const std::string& name : profile_.repositories()) run_repository(name);
    }
    if (!world_.is_stopped()) tell_what_stands();
    if (!is_unwell()) run_hooks("", "after", {});
    if (is_unwell()) run_hooks("", "failed", {});
    run_hooks("", "finally", {});
    return finish();
  }

  // What of the priority may not be had is told once, not by each program that asks for it.
  void find_priority() {
    const Priority wanted{profile_.number("limits.nice", 0), profile_.text("limits.ionice")};
    const auto is_had = [&](const Priority& part) {
      CommandOrder order;
      order.words = {"true"};
      order.priority = part;
      const auto tried = world_.command(order);
      if (!tried || tried->errors.empty()) return true;
      add_line(tried->errors.substr(0, tried->errors.find('\n')), true);
      return false;
    };
    if (wanted.nice != 0 && is_had({wanted.nice, ""})) priority_.nice = wanted.nice;
    if (!wanted.ionice.empty() && is_had({0, wanted.ionice})) priority_.ionice = wanted.ionice;
  }

  // No news, unless it has gone on for too long.
  RunResult postpone(const char* missing) {
    add_line(fmt::format("there is no {}: postponed", missing), true);
    if (world_.is_stopped() || !tell_overdue(record_)) return RunResult::postponed;
    save();
    return RunResult::postponed;
  }

  // Without the lock the record of the profile is not ours to write.
  void remember_beside(const std::function<bool(ProfileRecord&)>& tell_something) {
    std::string damage;
    const std::string name = name_beside(profile_.name);
    ProfileRecord told = load_record(world_.state_folder, name, damage).value_or(ProfileRecord());
    if (!tell_something(told)) return;
    if (const auto saved = save_record(world_.state_folder, name, told); !saved)
      world_.warn(saved.error().message);
  }

  void take_over_told() {
    std::string damage;
    const std::string name = name_beside(profile_.name);
    const auto told = load_record(world_.state_folder, name, damage);
    if (!told || told->failing_since == 0) return;
    if (record_.failing_since == 0) record_.failing_since = told->failing_since;
    record_.failure_told = std::max(record_.failure_told, told->failure_told);
    save();
    if (const auto removed = remove_record(world_.state_folder, name); !removed)
      world_.warn(removed.error().message);
  }

  // Also what never gets to its first backup is late one day.
  void note_seen() {
    bool is_new = false;
    for (const std::string& name : profile_.repositories()) {
      Nanoseconds& seen = record_.repositories[name].seen;
      is_new = is_new || seen == 0;
      if (seen == 0) seen = world_.clock();
    }
    if (is_new) save();
  }

  // False if nothing is. Keeps in `told` that somebody was told.
  bool tell_overdue(ProfileRecord& told) {
    const auto late = overdue(profile_, record_, world_.clock());
    if (late.empty()) return false;
    for (const std::string& text : late) add_line(text, true);
    tell(make_report(Outcome::failed, "is overdue"), told);
    return true;
  }

  void tell(const Report& report, ProfileRecord& told) const {
    told.trouble = report.outcome == Outcome::well ? "" : report.text;
    if (is_worth_telling(profile_, report.outcome, told, world_.clock()))
      warn_all(notifier_.tell(report));
  }

  Report make_report(Outcome outcome, const std::string& what) const {
    Report report;
    report.outcome = outcome;
    report.title = fmt::format("lagan: {} {} on {}", profile_.name, what, world_.host);
    report.text = fmt::format("{}", fmt::join(lines_, "\n"));
    // Who cannot have all of them is told all the same.
    if (profile_.find("notify.command") != nullptr) {
      auto variables = own_variables(profile_, "", world_.environment);
      if (variables) {
        report.variables = *std::move(variables);
      } else {
        world_.warn(fmt::format("{}: {}", profile_.name, variables.error().message));
      }
    }
    return report;
  }

  void save() const {
    if (const auto saved = save_record(world_.state_folder, profile_.name, record_); !saved)
      world_.warn(saved.error().message);
  }

  // The steps of one repository. Its failure is not that of the others.
  void run_repository(const std::string& name) {
    const std::vector<Step> steps = due(name);
    bool is_backed_up = true;
    for (const Step step : steps) {
      if (world_.is_stopped()) return;
      // Nothing is taken away while nothing new can be put.
      if (!is_backed_up) break;
      const bool is_done = run_step(name, step);
      if (step == Step::backup) is_backed_up = is_done;
    }
  }

  bool run_step(const std::string& name, Step step) {
    auto orders = step_orders(profile_, name, step, world_.host, flags_, world_.environment);
    RepositoryRecord& repository = record_.repositories[name];
    StepRecord& record = repository.steps[step];
    record.attempted = world_.clock();
    StepOutcome outcome;
    if (!orders) {
      outcome.exit_code = 1;
      outcome.error = orders.error().message;
    } else if (!run_hooks(step_name(step), "before", {name, &outcome})) {
      outcome.exit_code = 1;
      outcome.error = last_hook_error_;
    } else {
      for (StepOrder& order : *orders) order.priority = priority_;
      outcome = try_orders(*orders);
      if (outcome.is_success() && !run_hooks(step_name(step), "after", {name, &outcome})) {
        // What the step itself has found was good.
        outcome = StepOutcome();
        outcome.exit_code = 1;
        outcome.error = last_hook_error_;
      }
    }
    if (!outcome.is_success()) run_hooks(step_name(step), "failed", {name, &outcome});
    run_hooks(step_name(step), "finally", {name, &outcome});
    note(name, step, outcome);
    return outcome.is_success();
  }

  StepOutcome try_orders(const std::vector<StepOrder>& orders) {
    StepOutcome total;
    for (const StepOrder& order : orders) {
      StepOutcome one = try_order(order);
      if (!one.error.empty() && !order.dump.empty())
        one.error = fmt::format("dump {}: {}", order.dump, one.error);
      if (!one.is_success()) return one;
      if (one.is_partial()) {
        total.exit_code = one.exit_code;
        total.error = one.error;
      }
      // The sources come last; what the dumps added counts too.
      if (!one.snapshot.empty()) total.snapshot = one.snapshot;
      total.files += one.files;
      total.bytes += one.bytes;
      total.added_bytes += one.added_bytes;
    }
    return total;
  }

  StepOutcome try_order(const StepOrder& order) {
    const Nanoseconds delay = profile_.duration("limits.retry-delay", "1m");
    // A check that finds damage finds it again; what else fails is left to the next run.
    const int retries = order.step == Step::backup ? profile_.number("limits.retries", 2) : 0;
    for (int left = retries;; --left) {
      StepOutcome outcome = world_.step(order);
      const bool is_hopeless =
          std::ranges::find(kNeverAgain, outcome.exit_code) != std::end(kNeverAgain);
      if (outcome.is_success() || is_hopeless || left <= 0 || world_.is_stopped()) return outcome;
      world_.warn(fmt::format("{}: {} failed: {}; once more in {} s", profile_.name,
                              called(order.repository, order.step), outcome.error,
                              delay / kSecond));
      world_.wait(delay);
      if (world_.is_stopped()) return outcome;
    }
  }

  void note(const std::string& name, Step step, const StepOutcome& outcome) {
    RepositoryRecord& repository = record_.repositories[name];
    StepRecord& record = repository.steps[step];
    record.finished = world_.clock();
    record.exit_code = outcome.exit_code;
    record.error = outcome.error;
    std::string line = called(name, step);
    if (outcome.is_success()) {
      record.succeeded = record.attempted;
      record.damage_found = 0;
      record.damage.clear();
      record.failures = 0;
      is_partial_ = is_partial_ || outcome.is_partial();
      if (step == Step::backup) {
        if (!outcome.snapshot.empty()) repository.snapshot = outcome.snapshot;
        repository.snapshot_time = record.attempted;
        repository.files = outcome.files;
        repository.bytes = outcome.bytes;
        repository.added_bytes = outcome.added_bytes;
        line += fmt::format(": {} files, {} bytes, {} bytes stored", outcome.files, outcome.bytes,
                            outcome.added_bytes);
        if (!outcome.snapshot.empty()) line += ", snapshot " + outcome.snapshot.substr(0, 8);
      } else {
        line += ": done";
      }
      if (outcome.is_partial()) line += "; " + outcome.error;
    } else if (world_.is_stopped()) {
      line += " interrupted";
    } else {
      ++record.failures;
      if (step == Step::check && outcome.has_summary) {
        record.damage_found = record.attempted;
        record.damage = outcome.error;
      }
      has_failed_ = true;
      line += " FAILED: " + outcome.error;
    }
    add_line(line, !outcome.is_success());
    save();
  }

  void add_line(const std::string& line, bool is_failure) {
    const std::string text = fmt::format("{}: {}", profile_.name, line);
    (is_failure ? world_.warn : world_.say)(text);
    lines_.push_back(line);
  }

  bool is_unwell() const { return has_failed_ || world_.is_stopped(); }

  // What a check has found stands until one finds it no more, and what a backup has left out until
  // one leaves nothing out.
  void tell_what_stands() {
    for (const std::string& name : profile_.repositories()) {
      const RepositoryRecord& repository = record_.repositories[name];
      const StepRecord backup = last(repository, Step::backup),
                       check = last(repository, Step::check);
      if (backup.exit_code == kPartial && backup.attempted < begun_) {
        is_partial_ = true;
        add_line(fmt::format("{} is incomplete; {}", called(name, Step::backup), backup.error),
                 true);
      }
      if (!profile_.schedule("check.schedule")) continue;
      if (check.damage_found == 0 || check.attempted >= begun_) continue;
      has_failed_ = true;
      add_line(
          fmt::format("{} has found damage: {}; once it is mended, 'lagan run --force' looks again",
                      called(name, Step::check), check.damage),
          true);
    }
  }

  struct HookContext {
    std::string repository;
    const StepOutcome* outcome = nullptr;
  };

  // False if one has failed and the profile does not say to go on.
  bool run_hooks(const std::string& step, const std::string& when, const HookContext& context) {
    const std::string key = "hooks." + (step.empty() ? std::string() : step + ".") + when;
    bool all_well = true;
    for (const std::string& line : profile_.list(key)) {
      CommandOrder order;
      order.words = {"/bin/sh", "-c", line};
      order.timeout = profile_.duration("hooks.timeout", "1h");
      order.priority = priority_;
      // Who has begun something is to end it, whatever happens.
      if (when == "before" || when == "after") order.stop = world_.stop;
      const bool is_bad = context.outcome != nullptr ? !context.outcome->is_success() : is_unwell();
      auto own = own_variables(profile_, context.repository, world_.environment);
      if (own) order.variables = *std::move(own);
      order.variables.insert(order.variables.end(), {{"LAGAN_PROFILE", profile_.name},
                                                     {"LAGAN_HOOK", when},
                                                     {"LAGAN_STEP", step},
                                                     {"LAGAN_REPOSITORY_NAME", context.repository},
                                                     {"LAGAN_STATUS", is_bad ? "failed" : "ok"}});
      if (context.outcome != nullptr) {
        order.variables.emplace_back("LAGAN_EXIT_CODE",
                                     fmt::format("{}", context.outcome->exit_code));
        order.variables.emplace_back("LAGAN_ERROR", context.outcome->error);
        order.variables.emplace_back("LAGAN_SNAPSHOT", context.outcome->snapshot);
      }
      order.on_line = [&](bool, std::string_view said) {
        world_.say(fmt::format("{}: {}: {}", profile_.name, key, said));
      };
      // What has begun is to end, also without some of them.
      const bool is_end = when == "failed" || when == "finally";
      if (!own && is_end)
        world_.warn(fmt::format("{}: {}: {}", profile_.name, key, own.error().message));
      const auto done = own || is_end ? world_.command(order) : fail(own.error());
      std::string trouble;
      if (!done) {
        trouble = done.error().message;
      } else if (done->was_late) {
        trouble = fmt::format("it did not end within {}", format_duration(order.timeout));
      } else if (done->exit_code != 0) {
        trouble = fmt::format("it ended with status {}", done->exit_code);
      }
      if (trouble.empty()) continue;
      last_hook_error_ = fmt::format("hook {} '{}': {}", key, line, trouble);
      add_line(last_hook_error_, true);
      if (profile_.text("hooks.on-failure", "stop") == "continue") {
        is_partial_ = true;
        continue;
      }
      all_well = false;
      // Those of the whole run have no step that could fail for them.
      if (step.empty()) has_failed_ = true;
      break;
    }
    return all_well;
  }

  RunResult finish() {
    const Nanoseconds now = world_.clock();
    const bool was_stopped = world_.is_stopped();
    for (const std::string& text : overdue(profile_, record_, now)) add_line(text, true);
    const Outcome outcome = has_failed_   ? Outcome::failed
                            : is_partial_ ? Outcome::incomplete
                                          : Outcome::well;
    // A run that was stopped says nothing of what was wrong before.
    if (!was_stopped) {
      const Report report = make_report(outcome, has_failed_   ? "failed"
                                                 : is_partial_ ? "is incomplete"
                                                               : "went well");
      warn_all(notifier_.tell_end(report));
      tell(report, record_);
    } else if (has_failed_) {
      record_.trouble = fmt::format("{}", fmt::join(lines_, "\n"));
    }
    save();
    if (const std::string file = profile_.text("notify.metrics-file"); !file.empty()) {
      if (const auto written = write_metrics(file); !written)
        world_.warn("notify.metrics-file: " + written.error().message);
    }
    if (was_stopped) return RunResult::stopped;
    return has_failed_ ? RunResult::failed : is_partial_ ? RunResult::partial : RunResult::done;
  }

  Result<void> write_metrics(const std::string& file) const {
    std::map<std::string, ProfileRecord> all = {{profile_.name, record_}};
    for (const std::string& name : world_.metrics_with) {
      std::string damage;
      if (auto other = load_record(world_.state_folder, name, damage))
        all.try_emplace(name, *std::move(other));
    }
    const std::string text = metrics_text(all);
    TRY(replace_file(file, as_bytes(text)));
    // It is read by another user.
    if (::chmod(file.c_str(), 0644) != 0) return fail(system_error(file, errno));
    return {};
  }

  void warn_all(const std::vector<std::string>& troubles) const {
    for (const std::string& trouble : troubles)
      world_.warn(fmt::format("{}: {}", profile_.name, trouble));
  }

  const Profile& profile_;
  const KnownFlags& flags_;
  const RunWorld& world_;
  const RunOptions& options_;
  const Notifier notifier_;
  ProfileRecord record_;
  std::vector<std::string> lines_;  // of the report
  std::string last_hook_error_;
  Nanoseconds begun_ = 0;
  Priority priority_;
  bool has_failed_ = false, is_partial_ = false;
};

}  // namespace

std::vector<Step> due_steps(const Profile& profile, const RepositoryRecord& record, bool force,
                            Nanoseconds now) {
  std::vector<Step> due;
  const auto schedule = profile.schedule();
  if (force || (schedule && is_step_due(*schedule, last(record, Step::backup), now))) {
    due.push_back(Step::backup);
    // It follows each backup, for it costs little.
    if (!profile.tables("retention").empty()) due.push_back(Step::forget);
  }
  for (const Step step : {Step::prune, Step::check}) {
    const auto its = profile.schedule(schedule_key(step));
    if (!its) continue;
    const StepRecord done = last(record, step);
    // Who insists may have mended it.
    if (is_step_due(*its, done, now) || (force && done.damage_found != 0)) due.push_back(step);
  }
  return due;
}

Nanoseconds next_due(const Profile& profile, const ProfileRecord& record, Nanoseconds now) {
  Nanoseconds next = 0;
  for (const std::string& name : profile.repositories()) {
    const auto found = record.repositories.find(name);
    const RepositoryRecord& repository =
        found != record.repositories.end() ? found->second : RepositoryRecord();
    if (!due_steps(profile, repository, false, now).empty()) return now;
    for (const Step step : {Step::backup, Step::prune, Step::check}) {
      const auto schedule = profile.schedule(schedule_key(step));
      if (!schedule) continue;
      const Nanoseconds moment = schedule->next(now);
      if (next == 0 || moment < next) next = moment;
    }
  }
  return next;
}

std::vector<std::string> overdue(const Profile& profile, const ProfileRecord& record,
                                 Nanoseconds now) {
  std::vector<std::string> found;
  const auto schedule = profile.schedule();
  if (!schedule) return found;
  for (const std::string& name : profile.repositories()) {
    const auto at = record.repositories.find(name);
    const Nanoseconds newest = at != record.repositories.end() ? at->second.snapshot_time : 0;
    const Nanoseconds since = newest != 0                       ? newest
                              : at != record.repositories.end() ? at->second.seen
                                                                : 0;
    // Who has never run yet is not late.
    if (since == 0 || !is_overdue(*schedule, since, now)) continue;
    found.push_back(fmt::format(
        "{}{} {} hours{}, more than twice its schedule ({})", name.empty() ? "" : name + ": ",
        newest != 0 ? "the newest snapshot is" : "there has been no snapshot for",
        (now - since) / kHour, newest != 0 ? " old" : "", schedule->text()));
  }
  return found;
}

RunResult run_profile(const Profile& profile, const KnownFlags& flags, const RunWorld& world,
                      const RunOptions& options) {
  return Run(profile, flags, world, options).run();
}

void tell_not_run(const Profile& profile, const RunWorld& world, const std::string& why) {
  if (profile.tables("notify").empty()) return;
  Run(profile, KnownFlags(), world, RunOptions()).tell_not_run(why);
}

}  // namespace lagan
