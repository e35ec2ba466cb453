// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "src/cli/command_info.h"
#include "src/cli/context.h"
#include "src/cli/man_page.h"
#include "src/cli/manual.h"

namespace lagan::cli {
namespace {

// Characters that man(7) would replace by prettier ones, or take for a request.
std::string plain(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '\\':
        out += "\\e";
        break;
      case '-':
        out += "\\-";
        break;
      case '\'':
        out += "\\(aq";
        break;
      case '`':
        out += "\\(ga";
        break;
      case '^':
        out += "\\(ha";
        break;
      case '~':
        out += "\\(ti";
        break;
      case '"':
        out += "\\(dq";
        break;
      default:
        out += c;
    }
  }
  return out.starts_with('.') ? "\\&" + out : out;
}

std::string bold(std::string_view text) { return "\\fB" + plain(text) + "\\fR"; }
std::string italic(std::string_view text) { return "\\fI" + plain(text) + "\\fR"; }

std::string upper_case(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

std::string file_name(const CLI::App& command) {
  std::string name = full_name(command);
  std::ranges::replace(name, ' ', '-');
  return name;
}

std::string row(const std::string& name, const std::string& about) {
  return fmt::format(".TP\n{}\n{}\n", name, plain(about));
}

std::string flag_row(const CLI::Option& flag) {
  std::vector<std::string> names = spellings_of(flag);
  for (std::string& spelling : names) spelling = bold(spelling);
  std::string name = fmt::format("{}", fmt::join(names, ", "));
  if (takes_value(flag)) name += " " + italic(value_name(flag));
  return row(name, flag.get_description());
}

std::string paragraphs(const std::string& text) {
  std::string out;
  for (const std::string& line : split_list(text, '\n')) {
    if (!line.empty()) out += ".PP\n" + plain(line) + "\n";
  }
  return out;
}

std::string examples(const ManualPage& page) {
  std::string out;
  for (const Example& example : page.examples) {
    out += fmt::format(".PP\n{}:\n.RS 4\n.nf\n{}\n.fi\n.RE\n", plain(example.about),
                       bold(example.line));
  }
  return out;
}

// Of a command below the one that the page is of: all in one section.
std::string section_of(const CLI::App& command) {
  std::string out = fmt::format(".SS {} {}\n{}\n", plain(full_name(command)),
                                plain(synopsis(command)), plain(command.get_description()));
  for (const CLI::Option* argument : arguments_of(command))
    out += row(italic(shown_name(*argument)), argument->get_description());
  for (const FlagSection& section : flag_sections(command)) {
    for (const CLI::Option* flag : section.flags) out += flag_row(*flag);
  }
  if (const ManualPage* page = find_page(command_name(command))) out += examples(*page);
  return out;
}

std::string command_sections_of(const CLI::App& app) {
  if (commands_of(app).empty()) return {};
  std::string out = ".SH COMMANDS\n";
  for (const CLI::App* command : commands_of(app)) {
    out += app.get_parent() != nullptr
               ? section_of(*command)
               : row(bold(file_name(*command)) + "(1)", command->get_description());
  }
  return out;
}

std::string flag_sections_of(const CLI::App& app) {
  std::string out = ".SH FLAGS\n";
  for (const FlagSection& section : flag_sections(app)) {
    out += fmt::format(".SS {}\n", plain(section.title));
    for (const CLI::Option* flag : section.flags) out += flag_row(*flag);
  }
  if (app.get_parent() != nullptr) out += ".PP\nFlags for all commands are in\n.BR lagan (1).\n";
  return out;
}

void add_variables(const CLI::App& command, std::vector<VariableText>& variables) {
  for (const CLI::Option* flag : flags_of(command)) {
    const bool is_new =
        !flag->get_envname().empty() &&
        std::ranges::find(variables, flag->get_envname(), &VariableText::name) == variables.end();
    if (is_new) variables.push_back({flag->get_envname(), "as " + flag->get_name()});
  }
}

std::string environment_of(const CLI::App& app) {
  std::vector<VariableText> variables = variable_texts();
  add_variables(app, variables);
  for_each_command(app, [&](const CLI::App& command) { add_variables(command, variables); });
  std::string out = ".SH ENVIRONMENT\n";
  for (const VariableText& variable : variables) out += row(bold(variable.name), variable.about);
  return out;
}

std::string exit_status() {
  std::string out = ".SH EXIT STATUS\n";
  for (const ExitCodeText& text : exit_code_texts())
    out += row(bold(std::to_string(text.code)), text.about);
  return out;
}

}  // namespace

std::string man_page_name(const CLI::App& command) { return file_name(command) + ".1"; }

std::string man_page(const CLI::App& command) {
  const bool is_program = command.get_parent() == nullptr;
  const ManualPage* page = find_page(command_name(command));
  std::string out = fmt::format(".TH {} 1 \"\" \"lagan {}\" \"lagan\"\n",
                                plain(upper_case(file_name(command))), LAGAN_VERSION);
  out += fmt::format(".SH NAME\n{} \\- {}\n", plain(file_name(command)),
                     plain(command.get_description()));
  out += fmt::format(".SH SYNOPSIS\n{} {}\n", bold(full_name(command)), plain(synopsis(command)));
  out += ".SH DESCRIPTION\n" + plain(command.get_description()) + ".\n";
  if (!command.get_aliases().empty()) {
    out += fmt::format("Another name: {}.\n",
                       plain(fmt::format("{}", fmt::join(command.get_aliases(), ", "))));
  }
  for (const CLI::Option* argument : arguments_of(command))
    out += row(italic(shown_name(*argument)), argument->get_description());
  if (page != nullptr) out += paragraphs(page->text);
  if (page != nullptr && !page->examples.empty()) out += ".SH EXAMPLES\n" + examples(*page);
  out += command_sections_of(command);
  out += flag_sections_of(command);
  if (!is_program) {
    return out +
           ".SH EXIT STATUS\nThey are listed in\n.BR lagan (1).\n.SH SEE ALSO\n.BR lagan (1)\n";
  }
  return out + environment_of(command) + exit_status();
}

}  // namespace lagan::cli
