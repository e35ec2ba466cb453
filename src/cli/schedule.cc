// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "src/cli/context.h"
#include "src/cli/profile_flags.h"
#include "src/cli/schedule_commands.h"
#include "src/schedule/install.h"
#include "src/schedule/run.h"

namespace lagan::cli {
namespace {

struct ScheduleFlags {
  std::vector<std::string> profiles;
  bool systemd = false, crontab = false, print = false, time_machine = false;
};

Starter starter_of(const ScheduleFlags& flags) {
  if (flags.systemd) return Starter::systemd;
  if (flags.crontab) return Starter::crontab;
  return has_systemd() ? Starter::systemd : Starter::crontab;
}

TimerOptions where_timers_are() {
  TimerOptions options;
  options.is_system = ::geteuid() == 0;
  return options;
}

// Of this program, as it is set up now.
Result<TimerOptions> timer_options(const CLI::App& app) {
  std::error_code error;
  TimerOptions options = where_timers_are();
  options.program = std::filesystem::read_symlink("/proc/self/exe", error).string();
  if (error) return fail(system_error("find this program", error.value()));
  options.config = global_value(app, "--config");
  // It is not run from here.
  if (!options.config.empty())
    options.config = std::filesystem::absolute(options.config, error).string();
  for (const char* name : {"XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "LAGAN_STATE_DIR",
                           "LAGAN_CACHE_DIR", "LAGAN_HOST"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    const bool is_folder = std::string_view(name) != "LAGAN_HOST";
    options.variables.emplace_back(
        name, is_folder ? std::filesystem::absolute(value, error).string() : value);
  }
  return options;
}

Result<std::vector<const Profile*>> scheduled(const Configuration& loaded,
                                              const std::vector<std::string>& names) {
  std::vector<const Profile*> profiles = TRY(choose_profiles(loaded, names));
  for (const Profile* profile : profiles) {
    if (names.empty() || (profile->schedule() && profile->is_complete())) continue;
    return fail(ErrorCode::invalid_argument,
                fmt::format("{}: profiles.{}: expected a schedule, a repository and something to "
                            "back up; schedule = \"hourly\" or --time-machine",
                            profile->origin.text(), profile->name));
  }
  std::erase_if(profiles, [](const Profile* profile) {
    return !profile->is_complete() || !profile->schedule();
  });
  if (profiles.empty()) {
    return fail(ErrorCode::invalid_argument,
                "no profile has a schedule: 'lagan help config' shows how to write one");
  }
  return profiles;
}

Result<int> install(const Context& context, const CLI::App& app, const ScheduleFlags& flags) {
  if (flags.time_machine) {
    if (flags.profiles.size() != 1) {
      return fail(ErrorCode::invalid_argument,
                  "--time-machine changes one profile: name it, as in 'lagan schedule install "
                  "--time-machine home'");
    }
    const Configuration before = TRY(load_sound_configuration(app));
    const Profile& profile = *TRY(before.get(flags.profiles.front()));
    if (!profile.flag("time-machine")) {
      TRY(add_time_machine(profile));
      context.say(fmt::format("{}: time-machine = true added to profiles.{}", profile.origin.text(),
                              profile.name));
    }
  }
  const Configuration loaded = TRY(load_sound_configuration(app));
  const TimerOptions options = TRY(timer_options(app));
  const Starter starter = starter_of(flags);
  const auto profiles = TRY(scheduled(loaded, flags.profiles));
  Json all = Json::array();
  for (const Profile* profile : profiles) {
    if (flags.print) {
      const std::string text = printed(*profile, options, starter);
      if (!context.globals.json) put(stdout, text);
      all.push_back({{"profile", profile->name}, {"text", text}});
    } else {
      for (const std::string& done : TRY(lagan::install(*profile, options, starter)))
        context.say(done);
      context.say(fmt::format("{}: next at {}", profile->name,
                              format_time(profile->schedule()->next(system_now()))));
    }
  }
  if (flags.print && context.globals.json) context.print_json(all);
  return kOk;
}

Result<int> remove(const Context& context, const CLI::App&, const ScheduleFlags& flags) {
  const TimerOptions options = where_timers_are();
  // Also of profiles that are gone.
  std::vector<std::string> names = flags.profiles;
  if (names.empty()) {
    std::vector<std::string> unknown;
    for (const Installed& each : TRY(list_installed(options, unknown)))
      names.push_back(each.profile);
    for (const std::string& text : unknown) context.warn(text);
    std::ranges::sort(names);
    names.erase(std::unique(names.begin(), names.end()), names.end());
  }
  for (const std::string& name : names) {
    const auto done = TRY(lagan::remove(name, options));
    for (const std::string& line : done) context.say(line);
    if (done.empty()) context.say(fmt::format("{}: nothing starts it", name));
  }
  return kOk;
}

Result<int> list(const Context& context, const CLI::App& app, bool with_state) {
  const Configuration loaded = TRY(load_sound_configuration(app));
  const TimerOptions options = where_timers_are();
  std::vector<std::string> unknown;
  const auto installed = TRY(list_installed(options, unknown));
  for (const std::string& text : unknown) context.warn(text);
  const Nanoseconds now = system_now();
  Json all = Json::array();
  bool is_well = unknown.empty();
  const auto starters = [&](const std::string& name) {
    std::vector<std::string> found;
    for (const Installed& each : installed) {
      if (each.profile != name) continue;
      const bool is_waited_for = !with_state || is_active(each, options);
      found.push_back(each.where + (is_waited_for ? "" : " (not active)"));
      is_well = is_well && is_waited_for;
    }
    return found;
  };
  for (const Profile& profile : loaded.profiles) {
    const auto schedule = profile.schedule();
    if (!schedule || !profile.is_complete()) continue;
    const auto found = starters(profile.name);
    if (found.empty()) is_well = false;
    Json moments = Json::array();
    std::string shown;
    Nanoseconds at = now;
    for (int i = 0; i < 3; ++i) {
      at = schedule->next(at);
      moments.push_back(format_time_rfc3339(at, 0));
      shown += (shown.empty() ? "" : ", ") + format_time(at);
    }
    all.push_back({{"profile", profile.name},
                   {"schedule", schedule->text()},
                   {"started_by", found},
                   {"next", std::move(moments)}});
    context.say(fmt::format("{}: {}, started by {}", profile.name, schedule->text(),
                            !found.empty()    ? fmt::format("{}", fmt::join(found, " and "))
                            : unknown.empty() ? "nothing: see 'lagan schedule install'"
                                              : "nothing that could be looked at"));
    context.say("  next at " + shown);
  }
  for (const Installed& each : installed) {
    if (loaded.find(each.profile) != nullptr) continue;
    is_well = false;
    context.warn(fmt::format("{} starts profile {}, which there is not: 'lagan schedule remove {}'",
                             each.where, each.profile, each.profile));
  }
  if (context.globals.json) context.print_json(all);
  return with_state && !is_well ? kFailed : kOk;
}

}  // namespace

void add_schedule(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("schedule", "have systemd or cron start lagan run");
  command->require_subcommand(1);
  const auto add = [&](const char* name, const char* about,
                       Result<int> (*work)(const Context&, const CLI::App&, const ScheduleFlags&)) {
    auto flags = std::make_shared<ScheduleFlags>();
    CLI::App* below = command->add_subcommand(name, about);
    below->callback([&app, &context, flags, work] {
      context.run = [&app, &context, flags, work] {
        const auto code = work(context, app, *flags);
        return code ? *code : context.fail_with(code.error());
      };
    });
    return std::pair(below, flags);
  };
  const auto [installing, flags] =
      add("install", "start it at its times from now on; a second time changes nothing", install);
  installing->add_option("profile", flags->profiles, "only these, else all that have a schedule");
  CLI::Option* systemd =
      installing->add_flag("--systemd", flags->systemd, "by timers of systemd, the default");
  installing->add_flag("--crontab", flags->crontab, "by the crontab, where there is no systemd")
      ->excludes(systemd);
  installing->add_flag("--print", flags->print, "only show what would be written");
  installing->add_flag("--time-machine", flags->time_machine,
                       "make the profile one that saves every hour and thins out what is old");
  const auto [removing, removed] = add("remove", "start it no more", remove);
  removing->add_option("profile", removed->profiles, "only these, else all");
  add("list", "which profile is started by what, and the next times",
      [](const Context& where, const CLI::App& all, const ScheduleFlags&) {
        return list(where, all, false);
      });
  add("status", "the same; and exit code 1 if something with a schedule is not started",
      [](const Context& where, const CLI::App& all, const ScheduleFlags&) {
        return list(where, all, true);
      });
}

}  // namespace lagan::cli
