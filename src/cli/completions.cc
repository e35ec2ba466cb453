// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "src/cli/context.h"

namespace lagan::cli {
namespace {

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

// "--long" and "-s" of every flag, in the order of the help.
std::vector<std::string> flags_of(const CLI::App& app) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  }
  return flags;
}

std::string joined(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, " "));
}

std::string command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : commands_of(app)) names.push_back(command->get_name());
  return joined(names);
}

// One case for each command: "key" or, below it, "key add".
void for_each_command(const CLI::App& app, const std::string& above,
                      const std::function<void(const std::string&, const CLI::App&)>& each) {
  for (const CLI::App* command : commands_of(app)) {
    const std::string path = above + (above.empty() ? "" : " ") + command->get_name();
    each(path, *command);
    for_each_command(*command, path, each);
  }
}

// In single quotes; words of help texts may hold some.
std::string shell_word(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// The commands on the line so far are the words that are commands; what follows options that take
// a value may look like one, which only makes for odd proposals.
std::string bash_script(const CLI::App& app) {
  std::string script = fmt::format(R"(# bash completion for lagan: source this file.
_lagan() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" command="" word commands flags
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case "$command $word" in
)");
  for_each_command(app, "", [&](const std::string& path, const CLI::App&) {
    script += fmt::format("      {}) command={} ;;\n",
                          shell_word(path.find(' ') == std::string::npos ? " " + path : path),
                          shell_word(path));
  });
  script += "    esac\n  done\n  case \"$command\" in\n";
  script += fmt::format("    '') commands={} flags='' ;;\n", shell_word(command_names(app)));
  for_each_command(app, "", [&](const std::string& path, const CLI::App& command) {
    script +=
        fmt::format("    {}) commands={} flags={} ;;\n", shell_word(path),
                    shell_word(command_names(command)), shell_word(joined(flags_of(command))));
  });
  script += fmt::format(R"(  esac
  if [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$flags "{} -- "$current")
  elif [[ -n $commands ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$current")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  fi
}}
complete -o filenames -F _lagan lagan
)",
                        shell_word(joined(flags_of(app))));
  return script;
}

std::string zsh_words(const CLI::App& app) {
  std::string words;
  for (const CLI::App* command : commands_of(app)) {
    words += " " + shell_word(command->get_name() + ":" + command->get_description());
  }
  return words;
}

std::string zsh_script(const CLI::App& app) {
  std::string script = R"(#compdef lagan
# zsh completion for lagan: put this file into a folder of $fpath as _lagan, or source it.
_lagan() {
  local command="" word
  local -a commands flags
  for word in "${(@)words[2,CURRENT-1]}"; do
    case "$command $word" in
)";
  for_each_command(app, "", [&](const std::string& path, const CLI::App&) {
    script += fmt::format("      {}) command={} ;;\n",
                          shell_word(path.find(' ') == std::string::npos ? " " + path : path),
                          shell_word(path));
  });
  script += "    esac\n  done\n  case \"$command\" in\n";
  script += fmt::format("    '') commands=({} ) ;;\n", zsh_words(app));
  for_each_command(app, "", [&](const std::string& path, const CLI::App& command) {
    script += fmt::format("    {}) commands=({} ) flags=({}) ;;\n", shell_word(path),
                          zsh_words(command), joined(flags_of(command)));
  });
  script += fmt::format(R"(  esac
  flags+=({})
  if [[ $PREFIX == -* ]]; then
    compadd -- $flags
  elif (( $#commands )); then
    _describe command commands
  else
    _files
  fi
}}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _lagan "$@"
elif (( $+functions[compdef] )); then
  compdef _lagan lagan
fi
)",
                        joined(flags_of(app)));
  return script;
}

void add_fish_flags(std::string& script, const CLI::App& app, const std::string& condition) {
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      script += fmt::format("complete -c lagan{} -l {}{} -d {}\n", condition, name,
                            option->get_items_expected_max() > 0 ? " -r" : "",
                            shell_word(option->get_description()));
    }
  }
}

std::string fish_script(const CLI::App& app) {
  std::string script =
      "# fish completion for lagan: put this file into ~/.config/fish/completions/lagan.fish\n";
  add_fish_flags(script, app, "");
  for (const CLI::App* command : commands_of(app)) {
    script += fmt::format("complete -c lagan -n __fish_use_subcommand -f -a {} -d {}\n",
                          command->get_name(), shell_word(command->get_description()));
  }
  for_each_command(app, "", [&](const std::string& path, const CLI::App& command) {
    std::string condition;
    for (const std::string& word : split_list(path, ' '))
      condition += (condition.empty() ? "" : "; and ") + ("__fish_seen_subcommand_from " + word);
    condition = " -n " + shell_word(condition);
    for (const CLI::App* below : commands_of(command)) {
      script += fmt::format("complete -c lagan{} -f -a {} -d {}\n", condition, below->get_name(),
                            shell_word(below->get_description()));
    }
    add_fish_flags(script, command, condition);
  });
  return script;
}

Result<void> print_script(const CLI::App& app, const std::string& shell) {
  if (shell != "bash" && shell != "zsh" && shell != "fish")
    return fail(ErrorCode::invalid_argument, "the shell is one of bash, zsh, fish");
  fmt::print("{}", shell == "bash"  ? bash_script(app)
                   : shell == "zsh" ? zsh_script(app)
                                    : fish_script(app));
  return {};
}

}  // namespace

void add_completions(CLI::App& app, Context& context) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command =
      app.add_subcommand("completions", "print a script that completes commands and flags");
  command->add_option("shell", *shell, "bash, zsh or fish")->required();
  command->callback([&app, &context, shell] {
    context.run = [&app, &context, shell] {
      const auto done = print_script(app, *shell);
      return done ? kOk : context.fail_with(done.error());
    };
  });
}

}  // namespace lagan::cli
