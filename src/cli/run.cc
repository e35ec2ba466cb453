// SPDX-License-Identifier: Apache-2.0
#include "src/schedule/run.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <optional>

#include "src/cli/context.h"
#include "src/cli/profile_flags.h"
#include "src/cli/schedule_commands.h"
#include "src/schedule/host.h"
#include "src/schedule/run_log.h"

namespace lagan::cli {
namespace {

// restic's code for a repository that somebody else has locked.
constexpr int kBusy = 11;

struct RunFlags {
  std::vector<std::string> profiles;
  bool force = false, dry_run = false;
};

const char* word_of(RunResult result) {
  switch (result) {
    case RunResult::nothing_due:
      return "nothing due";
    case RunResult::done:
      return "ok";
    case RunResult::partial:
      return "incomplete";
    case RunResult::postponed:
      return "postponed";
    case RunResult::failed:
      return "failed";
    case RunResult::busy:
      return "busy";
    case RunResult::stopped:
      return "interrupted";
  }
  return "";
}

int code_of(RunResult result) {
  switch (result) {
    case RunResult::nothing_due:
    case RunResult::done:
    case RunResult::postponed:
      return kOk;
    case RunResult::partial:
      return kPartial;
    case RunResult::failed:
      return kFailed;
    case RunResult::busy:
      return kBusy;
    case RunResult::stopped:
      return kInterrupted;
  }
  return kFailed;
}

// This program: the file that runs, even when an upgrade has put another one in its place. Without
// /proc, as in the chroot of a rescue, the one that PATH has.
std::string own_program() {
  constexpr char kRunning[] = "/proc/self/exe";
  return ::access(kRunning, X_OK) == 0 ? kRunning : "lagan";
}

// The most serious of two.
int worse(int a, int b) {
  for (const int code : {int{kInterrupted}, int{kFailed}, kBusy, int{kPartial}}) {
    if (a == code || b == code) return code;
  }
  return kOk;
}

void wait(const std::stop_token& stop, Nanoseconds length) {
  std::mutex mutex;
  std::condition_variable_any woken;
  std::unique_lock lock(mutex);
  woken.wait_for(lock, stop, std::chrono::nanoseconds(length), [] { return false; });
}

// Tells on the terminal, and in the log that the profile wants.
class Teller {
 public:
  Teller(const Context& context, const Profile& profile)
      : context_(context), to_journal_(profile.flag("log.journal")) {
    const std::string path = profile.text("log.file");
    if (path.empty()) return;
    auto log = LogFile::open(path, system_now);
    if (log) {
      log_.emplace(*std::move(log));
    } else {
      context.warn(log.error().message);
    }
  }
  void say(const std::string& line) {
    context_.say(line);
    keep(line, false);
  }
  void warn(const std::string& line) {
    context_.warn(line);
    keep(line, true);
  }

 private:
  void keep(const std::string& line, bool is_warning) {
    if (to_journal_) add_to_journal(line, is_warning);
    if (!log_) return;
    if (const auto added = log_->add(line); !added) {
      context_.warn("log.file: " + added.error().message);
      log_.reset();
    }
  }

  const Context& context_;
  const bool to_journal_;
  std::optional<LogFile> log_;
};

RunWorld make_world(const Context& context, const Profile& profile, Teller& teller,
                    const std::string& folder) {
  RunWorld world;
  const std::stop_token stop = context.interruption();
  world.wait = [stop](Nanoseconds length) { wait(stop, length); };
  world.stop = stop;
  world.is_stopped = [&context] { return context.is_stopped(); };
  world.say = [&teller](const std::string& line) { teller.say(line); };
  world.warn = [&teller](const std::string& line) { teller.warn(line); };
  world.step = step_by_program(own_program(), stop, [&teller, &profile](const std::string& line) {
    teller.warn(profile.name + ": " + line);
  });
  // Made when it is needed: a run with nothing to do loads no libcurl's worth of certificates.
  world.post = [](const std::string& url, const std::string& text) {
    return http_post(std::string("lagan/") + LAGAN_VERSION)(url, text);
  };
  world.has_network = [] { return has_network("/"); };
  world.has_power = [] { return has_mains_power("/"); };
  world.keep_awake = [](const std::string& name) {
    return std::make_shared<KeepAwake>("/", "backup of " + name);
  };
  world.environment = [](const std::string& name) { return std::getenv(name.c_str()); };
  world.host = own_host();
  world.state_folder = folder;
  return world;
}

bool is_run_by_itself(const Profile& profile) {
  return profile.is_complete() && profile.schedule();
}

// Nobody may be looking when a timer starts it.
void tell_mistake(const Context& context, const CLI::App& app, const RunFlags& flags,
                  const std::string& folder, const Error& mistake) {
  const Configuration loaded = load_configuration(app);
  for (const Profile& profile : loaded.profiles) {
    const bool is_meant = std::ranges::find(flags.profiles, profile.name) != flags.profiles.end() ||
                          (flags.profiles.empty() && is_run_by_itself(profile));
    if (!is_meant || flags.dry_run) continue;
    Teller teller(context, profile);
    tell_not_run(profile, make_world(context, profile, teller, folder), mistake.message);
  }
}

// A run takes all of this from its profiles; a word here would be believed to count.
Result<void> refuse_flags_of_profiles(const CLI::App& app, const KnownFlags& known) {
  std::vector<std::string> names{"repo"};
  for (const KnownFlag& flag : known.global) names.push_back(flag.name);
  for (const std::string& name : names) {
    const CLI::Option* option = app.get_option_no_throw("--" + name);
    if (option == nullptr || option->count() == 0 || !option->get_envname().empty()) continue;
    return fail(ErrorCode::invalid_argument,
                fmt::format("'lagan run' takes --{} from the profile: leave it out", name));
  }
  return {};
}

Result<int> run_profiles(const Context& context, const CLI::App& app, const RunFlags& flags) {
  const std::string folder = TRY(state_folder());
  const auto sound = load_sound_configuration(app);
  if (!sound) {
    tell_mistake(context, app, flags, folder, sound.error());
    return fail(sound.error());
  }
  const Configuration& loaded = *sound;
  std::vector<const Profile*> profiles = TRY(choose_profiles(loaded, flags.profiles));
  const KnownFlags known = known_flags(app);
  TRY(refuse_flags_of_profiles(app, known));
  for (const Profile* profile : profiles) {
    if (!flags.profiles.empty() && !profile->is_complete()) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("{}: profiles.{}: expected a repository and something to back up",
                              profile->origin.text(), profile->name));
    }
  }
  if (flags.profiles.empty()) {
    std::erase_if(profiles, [](const Profile* profile) { return !is_run_by_itself(*profile); });
    if (profiles.empty()) {
      return fail(
          ErrorCode::invalid_argument,
          "no profile has a schedule: name the one to run, or 'lagan help config' shows how "
          "to write one");
    }
  }
  int code = kOk;
  for (const Profile* profile : profiles) {
    Teller teller(context, *profile);
    RunWorld world = make_world(context, *profile, teller, folder);
    world.metrics_with = loaded.sharing_metrics(*profile);
    RunOptions options;
    // Who names a profile without a schedule wants it run.
    options.force = flags.force || !profile->schedule();
    options.dry_run = flags.dry_run;
    const RunResult result = run_profile(*profile, known, world, options);
    if (context.globals.json) {
      context.print_json(
          {{"message_type", "summary"}, {"profile", profile->name}, {"result", word_of(result)}});
    }
    code = worse(code, code_of(result));
    if (context.is_stopped()) break;
  }
  return code;
}

}  // namespace

void add_run(CLI::App& app, Context& context) {
  auto flags = std::make_shared<RunFlags>();
  CLI::App* command = app.add_subcommand(
      "run", "do what is due for profiles: back up, forget, prune, check, and tell who is to know");
  command->add_option("profile", flags->profiles, "only these, else all that have a schedule");
  command->add_flag("-f,--force", flags->force, "back up now, whether it is due or not");
  command->add_flag("-n,--dry-run", flags->dry_run, "only say what is due");
  command->callback([&app, &context, flags] {
    context.run = [&app, &context, flags] {
      const auto code = run_profiles(context, app, *flags);
      return code ? *code : context.fail_with(code.error());
    };
  });
}

}  // namespace lagan::cli
