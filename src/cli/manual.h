// SPDX-License-Identifier: Apache-2.0
#pragma once

// What flags and their descriptions cannot tell: examples, headings, a paragraph. With what the
// commands themselves say it becomes --help (help.cc) and the manual pages (man.cc). A test holds
// every line of it against the commands.

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace lagan::cli {

struct Example {
  std::string line;   // as it is typed
  std::string about;  // what it does
};

// Flags by their long names, without dashes.
struct FlagGroup {
  std::string title;
  std::vector<std::string> flags;
};

struct ManualPage {
  std::string command;  // "backup", "key add"; empty for the program itself
  std::string section;  // heading in the list of commands
  std::vector<Example> examples;
  std::vector<FlagGroup> groups;
  std::string text;  // paragraphs, parted by an empty line
};

const std::vector<ManualPage>& manual_pages();
// Nothing if the manual has no such page.
const ManualPage* find_page(const std::string& command);

// Headings of the list of commands, in their order.
const std::vector<std::string>& command_sections();

// Words that a flag or argument takes: completions propose them.
struct Choices {
  std::string command;
  std::string name;  // "--sort" of a flag, "shell" of an argument
  std::vector<std::string> words;
};
const std::vector<Choices>& choices();

struct ExitCodeText {
  int code;
  std::string about;
};
const std::vector<ExitCodeText>& exit_code_texts();

// Variables of the environment that stand for no flag which would name them itself.
struct VariableText {
  std::string name, about;
};
const std::vector<VariableText>& variable_texts();

// Puts commands and flags under their headings.
void apply_manual(CLI::App& app);

}  // namespace lagan::cli
