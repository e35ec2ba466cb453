// SPDX-License-Identifier: Apache-2.0
#include "src/cli/help.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "src/cli/command_info.h"
#include "src/cli/context.h"
#include "src/cli/manual.h"
#include "src/cli/terminal.h"

namespace lagan::cli {
namespace {

// Lines of more letters are hard to read, and fewer leave the descriptions no room.
constexpr std::size_t kWidthMax = 100, kWidthMin = 60;
// Longer names get a line of their own.
constexpr std::size_t kNameWidthMax = 30;

std::size_t line_width() {
  return std::clamp(terminal_width(STDOUT_FILENO, kWidthMax), kWidthMin, kWidthMax);
}

std::string heading(std::string_view text) { return painted(text, Style::bold, STDOUT_FILENO); }

// `text` in lines that begin with `indent` spaces, where `used` letters of the first line are
// taken.
std::string wrapped(std::string_view text, std::size_t indent, std::size_t used) {
  std::string out;
  std::size_t column = used;
  for (const std::string& word : split_list(std::string(text), ' ')) {
    if (column > indent && column + 1 + word.size() > line_width()) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  return out + "\n";
}

using Row = std::pair<std::string, std::string>;

std::string table(const std::vector<Row>& rows) {
  std::size_t width = 0;
  for (const auto& [name, about] : rows) {
    if (name.size() <= kNameWidthMax) width = std::max(width, name.size());
  }
  const std::size_t indent = 2 + width + 2;
  std::string out;
  for (const auto& [name, about] : rows) {
    out += fmt::format("  {:<{}}", name, width);
    out += name.size() > width ? "\n" + std::string(indent, ' ') : "  ";
    out += wrapped(about, indent, indent);
  }
  return out;
}

std::string examples(const ManualPage& page) {
  std::string out = heading("Examples") + "\n";
  for (const Example& example : page.examples) {
    out += fmt::format("  {}\n      ", example.line) + wrapped(example.about, 6, 6);
  }
  return out + "\n";
}

std::string usage(const CLI::App& app) {
  std::string out = heading("Usage") + "\n  " + wrapped(full_name(app) + " " + synopsis(app), 4, 2);
  if (!app.get_aliases().empty())
    out += fmt::format("  Another name: {}\n", fmt::join(app.get_aliases(), ", "));
  return out + "\n";
}

// "-e, --exclude PATTERN", with long names under each other.
Row flag_row(const CLI::Option& flag) {
  std::string name = flag.get_snames().empty() ? "    " : "";
  name += fmt::format("{}", fmt::join(spellings_of(flag), ", "));
  if (takes_value(flag)) name += " " + value_name(flag);
  std::string about = flag.get_description();
  if (!flag.get_envname().empty()) about += fmt::format(" [{}]", flag.get_envname());
  return {name, about};
}

std::string command_list(const CLI::App& app) {
  std::vector<std::string> titles = command_sections();
  for (const CLI::App* command : commands_of(app)) {
    if (std::ranges::find(titles, command->get_group()) == titles.end())
      titles.push_back(command->get_group());
  }
  std::string out;
  for (const std::string& title : titles) {
    std::vector<Row> rows;
    for (const CLI::App* command : commands_of(app)) {
      if (command->get_group() == title)
        rows.emplace_back(command->get_name(), command->get_description());
    }
    // CLI11 calls what nobody put into a group "Subcommands".
    const bool is_named = title != "Subcommands";
    if (!rows.empty()) out += heading(is_named ? title : "Commands") + "\n" + table(rows) + "\n";
  }
  return out;
}

}  // namespace

std::string Help::make_help(const CLI::App* app, std::string, CLI::AppFormatMode) const {
  std::string out = wrapped(fmt::format("{}: {}", full_name(*app), app->get_description()), 0, 0);
  out += "\n";
  const ManualPage* page = find_page(command_name(*app));
  if (page != nullptr && !page->examples.empty()) out += examples(*page);
  out += usage(*app);
  std::vector<Row> arguments;
  for (const CLI::Option* argument : arguments_of(*app))
    arguments.emplace_back(shown_name(*argument), argument->get_description());
  if (!arguments.empty()) out += heading("Arguments") + "\n" + table(arguments) + "\n";
  if (page != nullptr && !page->text.empty()) {
    for (const std::string& line : split_list(page->text, '\n'))
      out += line.empty() ? "\n" : wrapped(line, 0, 0);
    out += "\n";
  }
  out += command_list(*app);
  for (const FlagSection& section : flag_sections(*app)) {
    std::vector<Row> rows;
    for (const CLI::Option* flag : section.flags) rows.push_back(flag_row(*flag));
    out += heading(section.title) + "\n" + table(rows) + "\n";
  }
  out +=
      app->get_parent() == nullptr
          ? "'lagan COMMAND --help' explains a command, 'lagan man COMMAND' is its manual page.\n"
          : "Flags for all commands, as -r LOCATION, --json and -q: 'lagan --help'.\n";
  return out;
}

std::string first_steps() {
  return R"(lagan makes backups that are deduplicated, compressed and encrypted. Three steps to the first one:

  1. Make a repository, best on another disk. Choose a password: without it nobody can read anything.
       lagan -r /mnt/disk/backup init
  2. Save a folder, as often as you like: only what is new takes room. A line in crontab does it daily.
       lagan -r /mnt/disk/backup backup ~/documents
  3. Bring it back, to see that you can.
       lagan -r /mnt/disk/backup restore latest --target /tmp/restored
Then 'export LAGAN_REPOSITORY=/mnt/disk/backup' saves you the -r, and 'lagan --help' has everything else.
)";
}

}  // namespace lagan::cli
