// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "src/cli/context.h"
#include "src/cli/profile_flags.h"
#include "src/cli/schedule_commands.h"
#include "src/schedule/run.h"

namespace lagan::cli {
namespace {

std::string when(Nanoseconds time) { return time == 0 ? "never" : format_time(time); }

Json time_json(Nanoseconds time) {
  return time == 0 ? Json(nullptr) : Json(format_time_rfc3339(time, 0));
}

struct Standing {
  const Profile& profile;
  const ProfileRecord& record;
  std::vector<std::string> overdue;
  Nanoseconds next = 0;

  const char* word() const {
    if (record.failing_since != 0 && !record.is_incomplete) return "failed";
    if (!overdue.empty()) return "overdue";
    if (!has_run()) return "never run";
    return record.is_incomplete ? "incomplete" : "ok";
  }
  // What is to be run by itself is due at once: never is too late.
  int code() const {
    if ((record.failing_since != 0 && !record.is_incomplete) || !overdue.empty()) return kFailed;
    if (!has_run()) return profile.schedule() ? kFailed : kOk;
    return record.is_incomplete ? kPartial : kOk;
  }
  bool has_run() const {
    return std::ranges::any_of(record.repositories,
                               [](const auto& each) { return !each.second.steps.empty(); });
  }
};

void print(const Context& context, const Standing& standing) {
  context.say(fmt::format("{}: {}", standing.profile.name, standing.word()));
  if (!standing.record.trouble.empty()) {
    for (const std::string& line : split_list(standing.record.trouble, '\n'))
      context.say("  " + line);
  }
  for (const std::string& text : standing.overdue) context.say("  " + text);
  for (const auto& [name, repository] : standing.record.repositories) {
    const std::string indent = name.empty() ? "  " : "    ";
    if (!name.empty()) context.say("  " + name);
    if (!repository.snapshot.empty()) {
      context.say(fmt::format("{}newest snapshot {} of {}: {} files, {}", indent,
                              repository.snapshot.substr(0, 8), when(repository.snapshot_time),
                              repository.files, format_bytes(repository.bytes)));
    }
    for (const auto& [step, record] : repository.steps) {
      const std::string trouble =
          record.failures == 0 ? "" : fmt::format(", failed {} times since", record.failures);
      context.say(fmt::format("{}{:7} last done {}{}", indent, step_name(step),
                              when(record.succeeded), trouble));
    }
  }
  context.say(fmt::format("  next due {}", when(standing.next)));
}

Json to_json(const Standing& standing, Nanoseconds now) {
  Json repositories = Json::array();
  for (const auto& [name, repository] : standing.record.repositories) {
    Json steps = Json::object();
    for (const auto& [step, record] : repository.steps) {
      steps[step_name(step)] = {{"last_run", time_json(record.attempted)},
                                {"last_success", time_json(record.succeeded)},
                                {"failures", record.failures},
                                {"exit_code", record.exit_code},
                                {"error", record.error}};
    }
    const bool has_snapshot = repository.snapshot_time != 0;
    repositories.push_back(
        {{"name", name},
         {"snapshot", has_snapshot ? Json(repository.snapshot) : Json(nullptr)},
         {"snapshot_time", time_json(repository.snapshot_time)},
         {"snapshot_age_seconds",
          has_snapshot ? Json((now - repository.snapshot_time) / 1'000'000'000) : Json(nullptr)},
         {"files", repository.files},
         {"bytes", repository.bytes},
         {"added_bytes", repository.added_bytes},
         {"steps", std::move(steps)}});
  }
  return {{"profile", standing.profile.name},       {"status", standing.word()},
          {"healthy", standing.code() == kOk},      {"trouble", standing.record.trouble},
          {"overdue", !standing.overdue.empty()},   {"next_due", time_json(standing.next)},
          {"repositories", std::move(repositories)}};
}

Result<int> tell_status(const Context& context, const CLI::App& app,
                        const std::vector<std::string>& names) {
  const Configuration loaded = TRY(load_sound_configuration(app));
  const std::string folder = TRY(state_folder());
  const Nanoseconds now = system_now();
  int code = kOk;
  Json all = Json::array();
  for (const Profile* profile : TRY(choose_profiles(loaded, names))) {
    if (!profile->is_complete() && names.empty()) continue;
    std::string damage;
    const ProfileRecord record = TRY(load_record(folder, profile->name, damage));
    if (!damage.empty()) context.warn(damage);
    const Standing standing{*profile, record, overdue(*profile, record, now),
                            next_due(*profile, record, now)};
    if (code != kFailed && standing.code() != kOk) code = standing.code();
    all.push_back(to_json(standing, now));
    print(context, standing);
  }
  if (context.globals.json) context.print_json(all);
  if (all.empty())
    return fail(ErrorCode::invalid_argument, "there is no profile; 'lagan help config' shows one");
  return code;
}

}  // namespace

void add_status(CLI::App& app, Context& context) {
  auto names = std::make_shared<std::vector<std::string>>();
  CLI::App* command =
      app.add_subcommand("status", "how the last runs of profiles went, and what is due next");
  command->add_option("profile", *names, "only these");
  command->callback([&app, &context, names] {
    context.run = [&app, &context, names] {
      const auto code = tell_status(context, app, *names);
      return code ? *code : context.fail_with(code.error());
    };
  });
}

}  // namespace lagan::cli
