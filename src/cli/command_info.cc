// SPDX-License-Identifier: Apache-2.0
#include "src/cli/command_info.h"

#include <algorithm>
#include <cctype>

#include "src/cli/manual.h"

namespace lagan::cli {
namespace {

// CLI11's own group of what nobody put into one.
constexpr std::string_view kNoGroup = "Options";

std::string upper_case(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c == '_' ? '-' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  });
  return text;
}

}  // namespace

std::string command_name(const CLI::App& command) {
  const CLI::App* above = command.get_parent();
  if (above == nullptr) return {};
  const std::string before = command_name(*above);
  return before + (before.empty() ? "" : " ") + command.get_name();
}

std::string full_name(const CLI::App& command) {
  const std::string name = command_name(command);
  return name.empty() ? "lagan" : "lagan " + name;
}

std::vector<const CLI::App*> commands_of(const CLI::App& command) {
  auto commands =
      command.get_subcommands([](const CLI::App* below) { return !below->get_group().empty(); });
  const auto place = [](const CLI::App* one) {
    return std::ranges::find(manual_pages(), command_name(*one), &ManualPage::command);
  };
  std::ranges::stable_sort(commands, {}, place);
  return commands;
}

std::vector<const CLI::Option*> flags_of(const CLI::App& command) {
  return command.get_options([](const CLI::Option* option) {
    return option->nonpositional() && !option->get_group().empty();
  });
}

std::vector<const CLI::Option*> arguments_of(const CLI::App& command) {
  return command.get_options([](const CLI::Option* option) { return option->get_positional(); });
}

void for_each_command(const CLI::App& app, const std::function<void(const CLI::App&)>& each) {
  for (const CLI::App* command : commands_of(app)) {
    each(*command);
    for_each_command(*command, each);
  }
}

std::vector<std::string> spellings_of(const CLI::Option& flag) {
  std::vector<std::string> names;
  for (const std::string& letter : flag.get_snames()) names.push_back("-" + letter);
  for (const std::string& word : flag.get_lnames()) names.push_back("--" + word);
  return names;
}

bool takes_value(const CLI::Option& flag) { return flag.get_items_expected_max() > 0; }

std::string value_name(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  if (type == "TEXT") {  // nobody gave it a name: "--keep-tag TAG"
    const std::string& flag = option.get_lnames().front();
    return upper_case(flag.substr(flag.rfind('-') + 1));
  }
  if (type == "UINT" || type == "INT" || type == "FLOAT") return "N";
  return type;
}

std::string shown_name(const CLI::Option& option) {
  if (option.nonpositional()) return option.get_name();
  const std::string type = option.get_type_name();
  const bool is_named = type != "TEXT" && type != "UINT" && type != "INT" && !type.empty();
  return is_named ? type : upper_case(option.get_name(true));
}

std::vector<std::string> choices_of(const CLI::App& command, const CLI::Option& option) {
  const std::string name = command_name(command);
  for (const Choices& known : choices()) {
    if (known.command == name && option.check_name(known.name)) return known.words;
  }
  return {};
}

std::string synopsis(const CLI::App& command) {
  std::string text = "[FLAGS]";
  if (!commands_of(command).empty()) text += " COMMAND";
  for (const CLI::Option* argument : arguments_of(command)) {
    std::string word = shown_name(*argument);
    if (argument->get_items_expected_max() > 1) word += "...";
    text += " " + (argument->get_required() ? word : "[" + word + "]");
  }
  return text;
}

std::vector<FlagSection> flag_sections(const CLI::App& command) {
  std::vector<FlagSection> sections;
  const auto section = [&](const std::string& title) -> FlagSection& {
    const auto found = std::ranges::find(sections, title, &FlagSection::title);
    return found != sections.end() ? *found : sections.emplace_back(FlagSection{title, {}});
  };
  if (const ManualPage* page = find_page(command_name(command))) {
    for (const FlagGroup& group : page->groups) section(group.title);
  }
  const std::string rest = command.get_parent() == nullptr ? "Global flags" : "Flags";
  FlagSection others{rest, {}};
  for (const CLI::Option* flag : flags_of(command)) {
    (flag->get_group() == kNoGroup ? others : section(flag->get_group())).flags.push_back(flag);
  }
  sections.push_back(std::move(others));
  std::erase_if(sections, [](const FlagSection& empty) { return empty.flags.empty(); });
  return sections;
}

}  // namespace lagan::cli
