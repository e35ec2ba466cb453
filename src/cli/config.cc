// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "src/cli/context.h"
#include "src/cli/profile_flags.h"
#include "src/cli/schedule_commands.h"

namespace lagan::cli {
namespace {

// As TOML has it, so that it can be copied.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string shown(const std::string& key, const Setting& setting) {
  if (is_private_key(key)) return "\"(secret)\"";
  if (setting.kind == Setting::Kind::number || setting.kind == Setting::Kind::boolean)
    return setting.values.front();
  if (is_location_key(key)) return quoted(without_passwords(setting.values.front()));
  if (setting.kind == Setting::Kind::text) return quoted(setting.values.front());
  std::vector<std::string> values;
  for (const std::string& value : setting.values) values.push_back(quoted(value));
  return fmt::format("[{}]", fmt::join(values, ", "));
}

void show(const Context& context, const Profile& profile) {
  put(stdout, fmt::format("[profiles.{}]\n", profile.name));
  for (const auto& [key, setting] : profile.settings) {
    std::string from = setting.origin.text();
    if (setting.profile != profile.name) from += ", inherited from " + setting.profile;
    put(stdout,
        fmt::format("{:<60} # {}\n", fmt::format("{} = {}", key, shown(key, setting)), from));
  }
  if (profile.settings.empty()) context.say("# nothing");
}

Json to_json(const Profile& profile) {
  Json settings = Json::object();
  for (const auto& [key, setting] : profile.settings) {
    Json each;
    if (is_private_key(key)) {
      each["value"] = nullptr;
    } else if (is_location_key(key)) {
      each["value"] = without_passwords(setting.values.front());
    } else if (setting.kind == Setting::Kind::list) {
      each["value"] = setting.values;
    } else if (setting.kind == Setting::Kind::text) {
      each["value"] = setting.values.front();
    } else {
      each["value"] = Json::parse(setting.values.front());
    }
    each["file"] = setting.origin.file;
    each["line"] = setting.origin.line;
    each["profile"] = setting.profile;
    settings[key] = std::move(each);
  }
  return {{"name", profile.name}, {"settings", std::move(settings)}};
}

Result<int> show_profiles(Context& context, const CLI::App& app,
                          const std::vector<std::string>& wanted) {
  const Configuration loaded = TRY(load_sound_configuration(app));
  const auto profiles = TRY(choose_profiles(loaded, wanted));
  Json all = Json::array();
  for (const Profile* profile : profiles) {
    if (context.globals.json) {
      all.push_back(to_json(*profile));
    } else {
      if (profile != profiles.front()) put(stdout, "\n");
      show(context, *profile);
    }
  }
  if (context.globals.json) context.print_json(all);
  if (profiles.empty()) context.warn("there is no profile; 'lagan help config' shows one");
  return kOk;
}

int check_profiles(Context& context, const CLI::App& app) {
  Configuration loaded = load_configuration(app);
  for (std::string& missing : missing_files(loaded, known_flags(app)))
    loaded.problems.push_back(std::move(missing));
  for (const std::string& problem : loaded.problems) context.warn(problem);
  if (context.globals.json) {
    context.print_json({{"message_type", "config_check"},
                        {"files", loaded.files},
                        {"profiles", loaded.profiles.size()},
                        {"problems", loaded.problems}});
  }
  if (loaded.problems.empty()) {
    context.say(fmt::format("{} profiles in {} files: no mistakes", loaded.profiles.size(),
                            loaded.files.size()));
  }
  return loaded.problems.empty() ? kOk : kFailed;
}

}  // namespace

void add_config(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("config", "profiles: what lagan run does, and -P knows");
  command->require_subcommand(1);
  CLI::App* show = command->add_subcommand(
      "show", "the values of profiles that count, and where each of them stands");
  auto wanted = std::make_shared<std::vector<std::string>>();
  show->add_option("profile", *wanted, "only these");
  show->callback([&app, &context, wanted] {
    context.run = [&app, &context, wanted] {
      const auto code = show_profiles(context, app, *wanted);
      return code ? *code : context.fail_with(code.error());
    };
  });
  CLI::App* check = command->add_subcommand("check", "name every mistake in the files of profiles");
  check->callback([&app, &context] {
    context.run = [&app, &context] { return check_profiles(context, app); };
  });
}

}  // namespace lagan::cli
