// SPDX-License-Identifier: Apache-2.0
#pragma once

// What CLI11 knows of commands and flags, in the form that help, manual pages, completions and
// messages show: so that none of them can name a flag that another lacks.

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

namespace lagan::cli {

// "key add"; empty for the program itself. And with the program: "lagan key add".
std::string command_name(const CLI::App& command);
std::string full_name(const CLI::App& command);

// Without hidden ones. Commands are in the order of the manual.
std::vector<const CLI::App*> commands_of(const CLI::App& command);
std::vector<const CLI::Option*> flags_of(const CLI::App& command);
std::vector<const CLI::Option*> arguments_of(const CLI::App& command);

// Every command below this one, those that have commands of their own before these.
void for_each_command(const CLI::App& app, const std::function<void(const CLI::App&)>& each);

// "-e", "--exclude".
std::vector<std::string> spellings_of(const CLI::Option& flag);
bool takes_value(const CLI::Option& flag);
// What stands for its value: "PATTERN".
std::string value_name(const CLI::Option& option);
// Of an argument "SNAPSHOT", of a flag "--exclude".
std::string shown_name(const CLI::Option& option);
// Words that it takes; empty if it takes any.
std::vector<std::string> choices_of(const CLI::App& command, const CLI::Option& option);
// "[FLAGS] PATH..."
std::string synopsis(const CLI::App& command);

// Flags under their headings: in the order of the manual (manual.h), then what it does not name.
struct FlagSection {
  std::string title;
  std::vector<const CLI::Option*> flags;
};
std::vector<FlagSection> flag_sections(const CLI::App& command);

}  // namespace lagan::cli
