// SPDX-License-Identifier: Apache-2.0
#include "src/cli/profile_flags.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <set>

#include "repo/machine.h"
#include "src/cli/command_info.h"
#include "src/cli/context.h"
#include "src/cli/location_check.h"
#include "src/cli/value_check.h"

namespace lagan::cli {
namespace {

Result<void> check_number(const std::string& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) return {};
  return fail(ErrorCode::invalid_argument, fmt::format("expected a whole number, not '{}'", text));
}

ValueCheck check_of(const CLI::App& command, const CLI::Option& option) {
  if (const auto words = choices_of(command, option); !words.empty()) {
    return [words](const std::string& text) -> Result<void> {
      if (std::ranges::find(words, text) != words.end()) return {};
      return fail(ErrorCode::invalid_argument,
                  fmt::format("expected one of {}, not '{}'", fmt::join(words, ", "), text));
    };
  }
  const ValueCheck its = value_check_of(option);
  return !its && value_name(option) == "N" ? ValueCheck(check_number) : its;
}

KeyKind kind_of(const CLI::Option& option) {
  if (!takes_value(option)) return KeyKind::boolean;
  return option.get_items_expected_max() > 1 ? KeyKind::list : KeyKind::value;
}

// `left_out` are those that mean nothing in a profile.
std::vector<KnownFlag> flags_in(const CLI::App& command, const std::set<std::string>& left_out) {
  std::vector<KnownFlag> known;
  for (const CLI::Option* option : flags_of(command)) {
    for (const std::string& name : option->get_lnames()) {
      if (name != "help" && !left_out.contains(name))
        known.push_back(
            {name, kind_of(*option), check_of(command, *option), value_name(*option) == "FILE"});
    }
  }
  return known;
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

}  // namespace

KnownFlags known_flags(const CLI::App& app) {
  const auto of = [&](const char* name) -> const CLI::App& { return *app.get_subcommand(name); };
  KnownFlags known;
  known.global = flags_in(app, {"version", "repo", "json", "quiet", "verbose", "progress",
                                "no-lock", "retry-lock", "cleanup-cache", "config", "use-profile"});
  known.backup = flags_in(of("backup"), {"dry-run", "explain", "stdin", "stdin-from-command",
                                         "stdin-filename", "time"});
  known.prune = flags_in(of("prune"), {"dry-run"});
  std::set<std::string> no_policy = {"dry-run", "prune", "compact"};
  for (const KnownFlag& flag : known.prune) no_policy.insert(flag.name);
  known.forget = flags_in(of("forget"), no_policy);
  known.check = flags_in(of("check"), {});
  known.location = check_location;
  return known;
}

std::string global_value(const CLI::App& app, const char* flag) {
  const CLI::Option* option = app.get_option(flag);
  return option->count() != 0 ? option->results().back() : "";
}

Configuration load_configuration(const CLI::App& app) {
  std::vector<std::string> files = {global_value(app, "--config")};
  if (files.front().empty()) {
    std::string own = environment("XDG_CONFIG_HOME");
    if (own.empty() && !environment("HOME").empty()) own = environment("HOME") + "/.config";
    std::vector<std::string> folders = {"/etc/lagan"};
    if (!own.empty()) folders.push_back(own + "/lagan");
    files = profile_files(folders);
  }
  return lagan::load_configuration(
      files, known_flags(app), [](const std::string& name) { return std::getenv(name.c_str()); });
}

Result<Configuration> load_sound_configuration(const CLI::App& app) {
  Configuration loaded = load_configuration(app);
  if (loaded.problems.empty()) return loaded;
  return fail(ErrorCode::invalid_argument,
              fmt::format("{}", fmt::join(loaded.problems, "\n       ")));
}

Result<std::vector<const Profile*>> choose_profiles(const Configuration& loaded,
                                                    const std::vector<std::string>& names) {
  std::vector<const Profile*> profiles;
  for (const std::string& name : names) profiles.push_back(TRY(loaded.get(name)));
  if (!names.empty()) return profiles;
  for (const Profile& profile : loaded.profiles) profiles.push_back(&profile);
  return profiles;
}

Result<std::string> state_folder() {
  if (std::string named = environment("LAGAN_STATE_DIR"); !named.empty()) return named;
  if (::geteuid() == 0) return "/var/lib/lagan";
  if (std::string base = environment("XDG_STATE_HOME"); !base.empty()) return base + "/lagan";
  if (std::string home = environment("HOME"); !home.empty()) return home + "/.local/state/lagan";
  return fail(ErrorCode::invalid_argument,
              "there is no folder to remember runs in: set LAGAN_STATE_DIR or HOME");
}

std::string own_host() {
  const char* named = std::getenv("LAGAN_HOST");
  return named != nullptr && *named != '\0' ? named : host_name();
}

Result<std::vector<std::string>> with_profile(const CLI::App& app, const Context& context,
                                              const std::vector<std::string>& words) {
  const std::string named = global_value(app, "--use-profile");
  const Configuration loaded = TRY(load_sound_configuration(app));
  const std::size_t slash = named.find('/');
  const Profile& profile = *TRY(loaded.get(named.substr(0, slash)));
  std::string repository = slash == std::string::npos ? "" : named.substr(slash + 1);
  const auto repositories = profile.repositories();
  if (repository.empty() && repositories.size() == 1) repository = repositories.front();
  if (repositories.size() == 1 && repository != repositories.front()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("profile {0} has one repository: say -P {0}", profile.name));
  }
  if (std::ranges::find(repositories, repository) == repositories.end()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("profile {0} has several repositories: say -P {0}/{1}", profile.name,
                            fmt::join(repositories, " or -P " + profile.name + "/")));
  }
  const KnownFlags flags = known_flags(app);
  const Environment variables = [](const std::string& name) { return std::getenv(name.c_str()); };
  Access access = TRY(repository_access(profile, repository, flags, variables));
  for (const auto& [name, value] : access.variables) ::setenv(name.c_str(), value.c_str(), 1);

  const CLI::App& command = *app.get_subcommands().front();
  std::vector<std::string> added = std::move(access.words);
  const std::string name = command.get_name();
  const auto append = [&](const std::vector<std::string>& more) {
    added.insert(added.end(), more.begin(), more.end());
  };
  const bool is_own_backup = name == "backup" && command.get_option("paths")->count() == 0 &&
                             command.get_option("--stdin")->count() == 0;
  if (is_own_backup) append(flag_words(profile, "", flags.backup));
  if (is_own_backup) added.push_back("--tag=" + profile_tag(profile));
  if (is_own_backup && !profile.tables("dumps").empty()) {
    const std::string text = fmt::format(
        "the dumps of profile {0} are left out: 'lagan run --force {0}' saves them", profile.name);
    if (!profile.has_files()) return fail(ErrorCode::invalid_argument, text);
    context.warn(text);
  }
  const auto is_said = [&](const KnownFlag& flag) {
    return command.get_option("--" + flag.name)->count() != 0;
  };
  if (name == "forget" && command.get_option("snapshot")->count() == 0 &&
      std::ranges::none_of(flags.forget, is_said))
    append(forget_words(profile, own_host(), flags));
  if (name == "prune") append(flag_words(profile, "prune.", flags.prune));
  if (name == "check") append(flag_words(profile, "check.", flags.check));
  // What stands on the command line counts, also if it says the same in another way.
  std::set<std::string> said;
  for (const CLI::App* asked : {&app, &command}) {
    for (const CLI::Option* option : asked->get_options()) {
      if (option->count() == 0) continue;
      for (const std::string& flag : option->get_lnames()) said.insert(subject_of(flag));
    }
  }
  std::erase_if(added, [&](const std::string& word) {
    return said.contains(subject_of(word.substr(2, word.find('=') - 2)));
  });
  // Global flags may stand in front, those of a command only behind its name.
  auto at = words.begin();
  for (; at != words.end(); ++at) {
    if (*at == name || std::ranges::find(command.get_aliases(), *at) != command.get_aliases().end())
      break;
    // A profile may be called as a command is.
    if ((*at == "-P" || *at == "--use-profile") && at + 1 != words.end()) ++at;
  }
  std::vector<std::string> all(words.begin(), at);
  if (at != words.end()) all.push_back(*at);
  all.insert(all.end(), added.begin(), added.end());
  if (at != words.end()) all.insert(all.end(), at + 1, words.end());
  if (is_own_backup) {
    all.emplace_back("--");
    for (const std::string& source : profile.list("sources")) all.push_back(source);
  }
  return all;
}

}  // namespace lagan::cli
