// SPDX-License-Identifier: Apache-2.0
#include "src/schedule/step_words.h"

#include <fmt/format.h>

#include <algorithm>

#include "src/schedule/command.h"
#include "util/duration.h"
#include "util/file.h"

namespace lagan {
namespace {

constexpr std::size_t kSecretMax = 65536;
// Time enough for somebody to be asked.
constexpr Nanoseconds kSecretTimeout = Nanoseconds{10 * 60} * 1'000'000'000;

void add_words(std::vector<std::string>& words, const std::string& name, const Setting& setting) {
  if (setting.kind == Setting::Kind::boolean) {
    if (setting.values.front() == "true") words.push_back("--" + name);
    return;
  }
  for (const std::string& value : setting.values)
    words.push_back(fmt::format("--{}={}", name, value));
}

std::string without_line_end(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

Result<std::string> credential_path(const std::string& name, const Environment& environment) {
  const char* folder = environment("CREDENTIALS_DIRECTORY");
  if (folder == nullptr) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("credential {}: systemd has given none: run it as a service, with "
                            "LoadCredential={}:FILE",
                            name, name));
  }
  return std::string(folder) + "/" + name;
}

Result<std::string> read_secret(const std::string& path) {
  const Bytes content = TRY(read_file(path, kSecretMax));
  return without_line_end(std::string(as_text(content)));
}

Result<std::string> secret_of_command(const std::string& command) {
  CommandOrder order;
  order.words = {"/bin/sh", "-c", command};
  order.timeout = kSecretTimeout;
  const CommandOutcome outcome = TRY(run_command(order));
  if (outcome.was_late) {
    return fail(ErrorCode::unavailable,
                fmt::format("the command did not end within {}", format_duration(kSecretTimeout)));
  }
  if (outcome.exit_code != 0) {
    return fail(ErrorCode::invalid_argument, fmt::format("the command failed with status {}: {}",
                                                         outcome.exit_code, outcome.errors));
  }
  return without_line_end(outcome.output);
}

// What counts for one of its repositories: what is said of that, else what is said of all.
Profile profile_for(const Profile& profile, const std::string& repository) {
  Profile one = profile;
  const std::string own = "repositories." + repository + ".";
  for (const auto& [key, setting] : profile.settings) {
    if (key.starts_with(own)) put_setting(one.settings, key.substr(own.size()), setting);
  }
  return one;
}

}  // namespace

std::string step_name(Step step) {
  switch (step) {
    case Step::backup:
      return "backup";
    case Step::forget:
      return "forget";
    case Step::prune:
      return "prune";
    case Step::check:
      return "check";
  }
  return {};
}

std::string profile_tag(const Profile& profile) { return "profile=" + profile.name; }

std::vector<std::string> flag_words(const Profile& profile, const std::string& table,
                                    const std::vector<KnownFlag>& flags) {
  // Patterns count in the order in which they were written, other flags in any.
  std::vector<std::pair<std::string, const Setting*>> found;
  for (const KnownFlag& flag : flags) {
    if (const Setting* setting = profile.find(table + flag.name))
      found.emplace_back(flag.name, setting);
  }
  std::ranges::stable_sort(found, {}, [&](const auto& one) {
    const Setting& setting = *one.second;
    return std::pair(setting.profile == profile.name, setting.origin.line);
  });
  std::vector<std::string> words;
  for (const auto& [name, setting] : found) add_words(words, name, *setting);
  return words;
}

std::vector<std::string> forget_words(const Profile& profile, const std::string& host,
                                      const KnownFlags& flags) {
  std::vector<std::string> words = flag_words(profile, "retention.", flags.forget);
  const bool has_choice = std::ranges::any_of(
      std::initializer_list<const char*>{"retention.tag", "retention.host", "retention.path"},
      [&](const char* key) { return profile.find(key) != nullptr; });
  if (words.empty() || has_choice) return words;
  words.push_back("--tag=" + profile_tag(profile));
  words.push_back("--host=" + profile.text("host", host));
  return words;
}

Result<Variables> own_variables(const Profile& whole, const std::string& repository,
                                const Environment& environment) {
  const Profile profile = profile_for(whole, repository);
  Variables variables;
  for (const std::string& name : profile.tables("environment")) {
    const std::string key = "environment." + name;
    const auto where = [&] { return fmt::format("{} of profile {}", key, profile.name); };
    std::string value = profile.text(key);
    if (profile.find(key + ".file") != nullptr) {
      value = TRY_IN(where(), read_secret(profile.text(key + ".file")));
    } else if (profile.find(key + ".command") != nullptr) {
      value = TRY_IN(where(), secret_of_command(profile.text(key + ".command")));
    } else if (profile.find(key + ".credential") != nullptr) {
      const std::string path = TRY(credential_path(profile.text(key + ".credential"), environment));
      value = TRY_IN(where(), read_secret(path));
    }
    variables.emplace_back(name, value);
  }
  return variables;
}

Result<Access> repository_access(const Profile& whole, const std::string& repository,
                                 const KnownFlags& flags, const Environment& environment) {
  const Profile profile = profile_for(whole, repository);
  const auto find = [&](const std::string& name) -> const Setting* {
    if (const Setting* setting = profile.find(name)) return setting;
    return profile.find("limits." + name);
  };
  Access access;
  for (const KnownFlag& flag : flags.global) {
    if (const Setting* setting = find(flag.name)) add_words(access.words, flag.name, *setting);
  }
  // Everybody on the machine can read the words of a command; a location may have a password.
  if (const Setting* location = find("repository"))
    access.variables.emplace_back("LAGAN_REPOSITORY", location->values.front());
  if (const Setting* credential = find("password-credential")) {
    access.words.push_back("--password-file=" +
                           TRY(credential_path(credential->values.front(), environment)));
  }
  if (const Setting* password = find("password")) {
    access.variables.insert(access.variables.end(), {{"LAGAN_PASSWORD", password->values.front()},
                                                     // These would have the first word.
                                                     {"LAGAN_PASSWORD_FILE", ""},
                                                     {"LAGAN_PASSWORD_COMMAND", ""}});
  }
  Variables own = TRY(own_variables(whole, repository, environment));
  access.variables.insert(access.variables.end(), own.begin(), own.end());
  return access;
}

Result<std::vector<StepOrder>> step_orders(const Profile& profile, const std::string& repository,
                                           Step step, const std::string& host,
                                           const KnownFlags& flags,
                                           const Environment& environment) {
  const Access access = TRY(repository_access(profile, repository, flags, environment));
  std::vector<StepOrder> orders;
  // `table` may have a limit of time of its own.
  const auto add = [&](const std::string& table,
                       std::vector<std::string> words) -> std::vector<std::string>& {
    words.insert(words.begin(), step_name(step));
    words.insert(words.end(), access.words.begin(), access.words.end());
    orders.push_back({profile.name, repository, step, "", std::move(words), access.variables,
                      Priority(),
                      profile.duration(table + "timeout", profile.text("limits.timeout", "0"))});
    return orders.back().words;
  };
  const std::string tag = "--tag=" + profile_tag(profile);
  switch (step) {
    case Step::backup: {
      for (const std::string& dump : profile.tables("dumps")) {
        const std::string above = "dumps." + dump + ".";
        std::vector<std::string> words = {
            tag, "--stdin-from-command",
            "--stdin-filename=" + profile.text(above + "filename", dump)};
        if (const Setting* tags = profile.find("tag")) add_words(words, "tag", *tags);
        if (const Setting* own = profile.find("host")) add_words(words, "host", *own);
        auto& all = add(above, std::move(words));
        all.insert(all.end(), {"--", "/bin/sh", "-c", profile.text(above + "command")});
        orders.back().dump = dump;
      }
      if (!profile.has_files()) break;
      std::vector<std::string> words = flag_words(profile, "", flags.backup);
      words.push_back(tag);
      auto& all = add("limits.", std::move(words));
      all.emplace_back("--");
      for (const std::string& source : profile.list("sources")) all.push_back(source);
      break;
    }
    case Step::forget: {
      std::vector<std::string> words = forget_words(profile, host, flags);
      if (!words.empty()) add("limits.", std::move(words));
      break;
    }
    case Step::prune:
      add("prune.", flag_words(profile, "prune.", flags.prune));
      break;
    case Step::check:
      add("check.", flag_words(profile, "check.", flags.check));
      break;
  }
  return orders;
}

}  // namespace lagan
