// SPDX-License-Identifier: Apache-2.0
#include "src/cli/manual.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "src/cli/command_info.h"
#include "src/cli/commands.h"
#include "src/cli/help.h"
#include "src/cli/man_page.h"
#include "src/cli/usage_error.h"

namespace lagan::cli {
namespace {

// The command line of the program, anew for each test.
struct CommandLine {
  Context context;
  CLI::App app;
  CommandLine() { add_everything(app, context); }

  // What main says of these words; empty if they are understood.
  std::string complaint(std::vector<std::string> words) {
    std::ranges::reverse(words);  // as CLI11 wants them
    try {
      app.parse(words);
    } catch (const CLI::ParseError& error) {
      return usage_error(app, error).message;
    }
    return {};
  }
};

// The words of the example behind "lagan", up to a pipe.
std::vector<std::string> words_of(const std::string& line) {
  std::vector<std::string> words;
  std::string word;
  bool is_quoted = false, has_word = false;
  for (const char c : line + " ") {
    if (c == '\'') {
      is_quoted = !is_quoted;
      has_word = true;
    } else if (c == ' ' && !is_quoted) {
      if (has_word) words.push_back(word);
      word.clear();
      has_word = false;
    } else {
      word += c;
      has_word = true;
    }
  }
  const auto end = std::ranges::find_if(
      words, [](const std::string& each) { return each == "|" || each == ">"; });
  words.erase(end, words.end());
  CHECK(words.front() == "lagan");
  words.erase(words.begin());
  return words;
}

std::vector<std::string> names_of_all(const CLI::App& app) {
  std::vector<std::string> names{""};
  for_each_command(app, [&](const CLI::App& command) { names.push_back(command_name(command)); });
  return names;
}

const CLI::App& command_called(const CLI::App& app, const std::string& name) {
  const CLI::App* found = &app;
  for_each_command(app, [&](const CLI::App& command) {
    if (command_name(command) == name) found = &command;
  });
  CHECK(command_name(*found) == name);
  return *found;
}

TEST_CASE("every command has a page with an example, and every page a command") {
  const CommandLine line;
  const auto names = names_of_all(line.app);
  for (const std::string& name : names) {
    INFO(name);
    const ManualPage* page = find_page(name);
    REQUIRE(page != nullptr);
    CHECK_FALSE(page->examples.empty());
  }
  for (const ManualPage& page : manual_pages()) {
    INFO(page.command);
    CHECK(std::ranges::count(names, page.command) == 1);
  }
}

TEST_CASE("every example is understood and is one of its command") {
  for (const ManualPage& page : manual_pages()) {
    for (const Example& example : page.examples) {
      CommandLine line;
      INFO(example.line);
      CHECK(line.complaint(words_of(example.line)).empty());
      CHECK(line.context.run != nullptr);
      CHECK_FALSE(example.about.empty());
    }
    // Others may show what to do next.
    const std::string first = page.examples.front().line;
    CHECK(first.find(page.command) != std::string::npos);
  }
}

TEST_CASE("the manual names only flags, words and headings that are there") {
  const CommandLine line;
  for (const ManualPage& page : manual_pages()) {
    const CLI::App& command = command_called(line.app, page.command);
    for (const FlagGroup& group : page.groups) {
      for (const std::string& flag : group.flags) {
        INFO(page.command, " --", flag);
        const CLI::Option* option = command.get_option_no_throw("--" + flag);
        REQUIRE(option != nullptr);
        CHECK(option->get_group() == group.title);
      }
    }
  }
  for (const Choices& known : choices()) {
    INFO(known.command, " ", known.name);
    CHECK(command_called(line.app, known.command).get_option_no_throw(known.name) != nullptr);
  }
  for (const CLI::App* command : commands_of(line.app)) {
    INFO(command->get_name());
    CHECK(std::ranges::count(command_sections(), command->get_group()) == 1);
  }
}

TEST_CASE("help and manual pages show every flag with what it does") {
  const CommandLine line;
  const auto look = [](const CLI::App& command) {
    const std::string help = Help().make_help(&command, "", CLI::AppFormatMode::Normal);
    // The one of a command below is part of the page above it.
    const CLI::App* paged = &command;
    while (paged->get_parent() != nullptr && paged->get_parent()->get_parent() != nullptr)
      paged = paged->get_parent();
    const std::string page = man_page(*paged);
    for (const CLI::Option* flag : flags_of(command)) {
      for (const std::string& spelling : spellings_of(*flag)) {
        INFO(command_name(command), " ", spelling);
        CHECK(help.find(spelling) != std::string::npos);
        std::string escaped;
        for (const char c : spelling) escaped += c == '-' ? "\\-" : std::string(1, c);
        CHECK(page.find("\\fB" + escaped + "\\fR") != std::string::npos);
        CHECK_FALSE(flag->get_description().empty());
      }
    }
    for (const Example& example : find_page(command_name(command))->examples)
      CHECK(help.find("  " + example.line + "\n") != std::string::npos);
    // Examples teach more than flags: they come first.
    if (!flags_of(command).empty()) CHECK(help.find("Examples\n") < help.find("-h, --help"));
    std::size_t column = 0;
    for (const char c : help) {
      column = c == '\n' ? 0 : column + 1;
      CHECK(column <= 110);
    }
  };
  look(line.app);
  for_each_command(line.app, look);
}

TEST_CASE("a mistyped command or flag is answered with the one that was meant") {
  const auto complaint = [](const std::vector<std::string>& words) {
    return CommandLine().complaint(words);
  };
  CHECK(complaint({"bakcup", "/home"}) == "no command is called 'bakcup'; did you mean 'backup'?");
  CHECK(complaint({"--json", "snapshot"}) ==
        "no command is called 'snapshot'; did you mean 'snapshots'?");
  CHECK(complaint({"frobnicate"}) == "no command is called 'frobnicate'; try 'lagan --help'");
  CHECK(complaint({"key", "lsit"}) == "no command is called 'key lsit'; did you mean 'key list'?");
  CHECK(complaint({"backup", "--exclud", "x", "/home"}) ==
        "no flag of 'lagan backup' is called '--exclud'; did you mean '--exclude'?");
  CHECK(complaint({"backup", "--exlcude=x", "/home"}) ==
        "no flag of 'lagan backup' is called '--exlcude'; did you mean '--exclude'?");
  CHECK(complaint({"backup", "/home", "--jsn"}) ==
        "no flag of 'lagan backup' is called '--jsn'; did you mean '--json'?");
  CHECK(complaint({"key", "add", "--recvery"}) ==
        "no flag of 'lagan key add' is called '--recvery'; did you mean '--recovery'?");
  CHECK(complaint({"--repoo", "/b", "backup"}) ==
        "no flag of 'lagan backup' is called '--repoo'; did you mean '--repo'?");
  CHECK(complaint({"backup", "-Z", "/home"}) ==
        "no flag of 'lagan backup' is called '-Z'; try 'lagan backup --help'");
}

TEST_CASE("what is missing, too much or no number is named") {
  const auto complaint = [](const std::vector<std::string>& words) {
    return CommandLine().complaint(words);
  };
  CHECK(complaint({"--json"}) == "say which command; try 'lagan --help'");
  CHECK(complaint({"key"}).starts_with("say which command: lagan key list, add"));
  CHECK(complaint({"restore"}) == "'lagan restore' needs SNAPSHOT; try 'lagan restore --help'");
  CHECK(complaint({"diff", "latest"}) == "'lagan diff' needs AFTER; try 'lagan diff --help'");
  CHECK(complaint({"version", "7"}) ==
        "'lagan version' has no place for '7'; try 'lagan version --help'");
  CHECK(complaint({"backup", "/home", "--exclude"}) ==
        "--exclude needs a value; try 'lagan backup --help'");
  CHECK(complaint({"--pack-size", "big", "check"}) ==
        "--pack-size takes a whole number, not 'big'");
}

}  // namespace
}  // namespace lagan::cli
