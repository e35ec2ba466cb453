// SPDX-License-Identifier: Apache-2.0
#include "src/cli/usage_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string_view>

#include "src/cli/command_info.h"
#include "src/cli/commands.h"
#include "util/suggest.h"

namespace lagan::cli {
namespace {

// The command that was reached: "key add" rather than "key".
const CLI::App& chosen_command(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  return chosen.empty() ? app : chosen_command(*chosen.front());
}

std::string quoted(const CLI::App& command) { return "'" + full_name(command) + "'"; }

std::string ask_for_help(const CLI::App& command) {
  return fmt::format("try '{} --help'", full_name(command));
}

std::string suggestion(const CLI::App& command, const std::string& meant) {
  return meant.empty() ? ask_for_help(command) : fmt::format("did you mean '{}'?", meant);
}

// What users of restic and borg write, and what does it here.
struct Foreign {
  const char* word;
  const char* advice;
};

constexpr Foreign kForeignFlags[] = {
    {"--parent", "leave it out: what is unchanged is known from the cache, not from a snapshot"},
    {"--with-atime", "leave it out: access times are not kept, and reading does not change them"},
    {"--hostname", "write --host"},
    {"--repository-version", "leave it out: there is one format"},
    {"--repack-cacheable-only", "leave it out: 'lagan prune' chooses what to store again"},
    {"--repack-small", "leave it out: 'lagan prune' chooses what to store again"},
    {"--repack-uncompressed", "leave it out: everything is compressed when it is stored"},
    {"--remove-all", "leave it out: there are no locks"},
    {"--exclude-cloud-files",
     "leave it out: files that are only in a cloud are known on Windows alone"},
    {"--user", "write --label, which names a key"},
    {"--comment", "write --description"},
};

constexpr Foreign kForeignCommands[] = {
    {"rebuild-index", "'lagan repair index' does it"},
    {"generate", "'lagan completions' and 'lagan man' do it"},
    {"self-update", "packages of the system bring new versions"},
    {"options", "'lagan storage' and docs/storage.md list the settings of -o"},
    {"features", "there are none to switch on"},
    {"migrate", "there is one format, and nothing to migrate"},
    {"info", "'lagan snapshots' and 'lagan stats' tell"},
    {"extract", "'lagan restore' does it"},
    {"delete", "'lagan forget' does it"},
    {"compact", "'lagan prune' does it"},
    {"break-lock", "there are no locks"},
    {"rdelete", "remove the folder or bucket yourself"},
};

std::string advice_for(std::span<const Foreign> known, std::string_view word) {
  const auto found = std::ranges::find(
      known, word, [](const Foreign& each) { return std::string_view(each.word); });
  return found != known.end() ? found->advice : "";
}

std::string unknown_flag(const CLI::App& command, const std::string& word) {
  const std::string name = word.substr(0, word.find('='));
  const bool groups = name == "--group-by" || name == "-g";
  if (const std::string advice = groups ? "leave it out: 'lagan forget' groups snapshots"
                                        : advice_for(kForeignFlags, name);
      !advice.empty())
    return fmt::format("no flag of {} is called '{}'; {}", quoted(command), name, advice);
  std::vector<std::string> flags;
  for (const CLI::App* at = &command; at != nullptr; at = at->get_parent()) {
    for (const CLI::Option* option : flags_of(*at)) {
      for (const std::string& known : option->get_lnames()) flags.push_back("--" + known);
    }
  }
  return fmt::format("no flag of {} is called '{}'; {}", quoted(command), name,
                     suggestion(command, closest(name, flags)));
}

std::string unknown_command(const CLI::App& command, const std::string& word) {
  std::vector<std::string> names;
  for (const CLI::App* below : commands_of(command)) {
    names.push_back(below->get_name());
    for (const std::string& alias : below->get_aliases()) names.push_back(alias);
  }
  std::string above = command_name(command);
  if (!above.empty()) above += ' ';
  if (const std::string advice = advice_for(kForeignCommands, word);
      above.empty() && !advice.empty())
    return fmt::format("no command is called '{}'; {}", word, advice);
  const std::string meant = closest(word, names);
  return fmt::format("no command is called '{}{}'; {}", above, word,
                     suggestion(command, meant.empty() ? "" : above + meant));
}

// A word that no command or flag took.
std::string unexpected(const CLI::App& command, const std::string& word) {
  if (word.size() > 1 && word.starts_with('-')) return unknown_flag(command, word);
  if (!commands_of(command).empty()) return unknown_command(command, word);
  return fmt::format("{} has no place for '{}'; {}", quoted(command), word, ask_for_help(command));
}

std::string missing_word(const CLI::App& command) {
  if (command.get_parent() == nullptr) return "say which command; " + ask_for_help(command);
  if (!commands_of(command).empty()) {
    std::vector<std::string> names;
    for (const CLI::App* below : commands_of(command)) names.push_back(below->get_name());
    return fmt::format("say which command: {} {}", full_name(command), fmt::join(names, ", "));
  }
  for (const CLI::Option* option : command.get_options()) {
    if (!option->get_required() || option->count() != 0) continue;
    return fmt::format("{} needs {}; {}", quoted(command), shown_name(*option),
                       ask_for_help(command));
  }
  return fmt::format("{} needs something more; {}", quoted(command), ask_for_help(command));
}

std::string sentence(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& command = chosen_command(app);
  for (const std::string& word : app.remaining(true)) {
    if (word != "--") return unexpected(command, word);
  }
  const std::string told = error.what();
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) return missing_word(command);
  if (dynamic_cast<const CLI::ExcludesError*>(&error) != nullptr) {
    const std::size_t middle = told.find(" excludes ");
    return fmt::format("{} and {} cannot be used together; leave one out", told.substr(0, middle),
                       told.substr(middle + std::string_view(" excludes ").size()));
  }
  if (dynamic_cast<const CLI::RequiresError*>(&error) != nullptr)
    return fmt::format("{}; {}", told, ask_for_help(command));
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    const std::size_t colon = told.find(':');
    if (colon != std::string::npos)
      return fmt::format("{} needs a value; {}", told.substr(0, colon), ask_for_help(command));
  }
  if (dynamic_cast<const CLI::ConversionError*>(&error) != nullptr) {
    // "Could not convert: --pack-size = abc"
    const std::size_t colon = told.find(": "), equals = told.find(" = ");
    if (colon != std::string::npos && equals != std::string::npos) {
      return fmt::format("{} takes a whole number, not '{}'",
                         told.substr(colon + 2, equals - colon - 2), told.substr(equals + 3));
    }
  }
  return fmt::format("{}; {}", told, ask_for_help(command));
}

}  // namespace

Error usage_error(const CLI::App& app, const CLI::ParseError& error) {
  std::string text = sentence(app, error);
  std::erase(text, kPlainMark);
  return Error{ErrorCode::invalid_argument, std::move(text), Retry::never, {}};
}

}  // namespace lagan::cli
