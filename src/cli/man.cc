// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>

#include "src/cli/command_info.h"
#include "src/cli/context.h"
#include "src/cli/man_page.h"
#include "util/file.h"

namespace lagan::cli {
namespace {

struct ManFlags {
  std::vector<std::string> words;
  std::string output;
};

Result<const CLI::App*> find_command(const CLI::App& app, const std::vector<std::string>& words) {
  const CLI::App* at = &app;
  for (const std::string& word : words) {
    const auto below =
        at->get_subcommands([&](const CLI::App* one) { return one->check_name(word); });
    if (below.empty()) {
      return fail(
          ErrorCode::invalid_argument,
          fmt::format("no command is called '{}'; try 'lagan --help'", fmt::join(words, " ")));
    }
    at = below.front();
  }
  return at;
}

Result<void> write_page(const std::string& folder, const CLI::App& command) {
  const std::string path = folder + "/" + man_page_name(command);
  const File file = TRY(open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0644));
  TRY_IN(path, write_all(file.descriptor(), as_bytes(man_page(command))));
  return {};
}

Result<void> run_man(const CLI::App& app, const ManFlags& flags) {
  if (!flags.output.empty() && !flags.words.empty()) {
    return fail(ErrorCode::invalid_argument,
                "--output writes the pages of all commands; leave the command out");
  }
  if (flags.output.empty()) {
    fmt::print("{}", man_page(*TRY(find_command(app, flags.words))));
    return {};
  }
  TRY(make_directories(flags.output, 0755));
  TRY(write_page(flags.output, app));
  for (const CLI::App* command : commands_of(app)) TRY(write_page(flags.output, *command));
  return {};
}

Result<void> run_help(const CLI::App& app, const std::vector<std::string>& words) {
  const CLI::App* command = TRY(find_command(app, words));
  fmt::print("{}", command->get_formatter()->make_help(command, "", CLI::AppFormatMode::Normal));
  return {};
}

}  // namespace

void add_man(CLI::App& app, Context& context) {
  auto flags = std::make_shared<ManFlags>();
  CLI::App* command = app.add_subcommand("man", "print the manual page of a command, or of lagan");
  command->add_option("command", flags->words, "the command; without, lagan itself");
  command->add_option("--output", flags->output, "write all pages into this folder")
      ->type_name("FOLDER");
  command->callback([&app, &context, flags] {
    context.run = [&app, &context, flags] {
      const auto done = run_man(app, *flags);
      return done ? kOk : context.fail_with(done.error());
    };
  });
}

void add_help(CLI::App& app, Context& context) {
  auto words = std::make_shared<std::vector<std::string>>();
  CLI::App* command = app.add_subcommand("help", "explain a command, as its --help does");
  command->add_option("command", *words, "the command; without, all of them");
  command->callback([&app, &context, words] {
    context.run = [&app, &context, words] {
      const auto done = run_help(app, *words);
      return done ? kOk : context.fail_with(done.error());
    };
  });
}

}  // namespace lagan::cli
