// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "src/cli/command_info.h"
#include "src/cli/context.h"

namespace lagan::cli {
namespace {

std::string joined(const std::vector<std::string>& words, const char* between = " ") {
  return fmt::format("{}", fmt::join(words, between));
}

// In single quotes; words of help texts may hold some.
std::string shell_word(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::vector<std::string> names_of(const CLI::App& command) {
  std::vector<std::string> names{command.get_name()};
  for (const std::string& alias : command.get_aliases()) names.push_back(alias);
  return names;
}

std::vector<std::string> long_flags_of(const CLI::App& app) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : flags_of(app)) {
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  }
  return flags;
}

std::string command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : commands_of(app)) names.push_back(command->get_name());
  return joined(names);
}

// Of all commands: flags before the command are global ones.
std::string flags_with_value(const CLI::App& app) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : flags_of(app)) {
    if (takes_value(*option)) flags.push_back(joined(spellings_of(*option)));
  }
  return joined(flags);
}

// Cases of bash and zsh that find the command on the line so far.
std::string cases_of_words(const CLI::App& app) {
  std::string cases;
  for_each_command(app, [&](const CLI::App& command) {
    const std::string above = command_name(*command.get_parent());
    std::vector<std::string> words;
    for (const std::string& name : names_of(command))
      words.push_back(shell_word(above + " " + name));
    cases += fmt::format("      {}) command={} ;;\n", joined(words, "|"),
                         shell_word(command_name(command)));
  });
  return cases;
}

// Cases that find the words which the flag before the cursor takes.
std::string cases_of_choices(const CLI::App& app) {
  std::string cases;
  const auto add = [&](const CLI::App& command) {
    const bool is_global = command.get_parent() == nullptr;
    for (const CLI::Option* option : flags_of(command)) {
      const auto words = choices_of(command, *option);
      if (words.empty()) continue;
      std::vector<std::string> patterns;
      for (const std::string& name : spellings_of(*option)) {
        patterns.push_back((is_global ? "*" : shell_word(command_name(command))) + "' " + name +
                           "'");
      }
      cases +=
          fmt::format("    {}) values={} ;;\n", joined(patterns, "|"), shell_word(joined(words)));
    }
  };
  add(app);
  for_each_command(app, add);
  return cases;
}

// Words that the arguments of a command take.
std::string argument_words(const CLI::App& command) {
  std::string words = command_names(command);
  for (const CLI::Option* argument : arguments_of(command)) {
    if (words.empty()) words = joined(choices_of(command, *argument));
  }
  return words;
}

std::string bash_script(const CLI::App& app) {
  std::string script = fmt::format(R"(# bash completion for lagan: source this file.
_lagan() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}"
  local command="" word is_value="" words="" flags="" with_value="" values=""
  local global_with_value={}
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    if [[ -n $is_value ]]; then is_value=""; continue; fi
    if [[ " $global_with_value " == *" $word "* ]]; then is_value=1; continue; fi
    case "$command $word" in
)",
                                   shell_word(flags_with_value(app)));
  script += cases_of_words(app) + "    esac\n  done\n  case \"$command\" in\n";
  script += fmt::format("    '') words={} ;;\n", shell_word(command_names(app)));
  for_each_command(app, [&](const CLI::App& command) {
    script += fmt::format("    {}) words={} flags={} with_value={} ;;\n",
                          shell_word(command_name(command)), shell_word(argument_words(command)),
                          shell_word(joined(long_flags_of(command))),
                          shell_word(flags_with_value(command)));
  });
  script += "  esac\n  case \"$command $previous\" in\n" + cases_of_choices(app);
  script += fmt::format(R"(  esac
  if [[ -n $values ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$values" -- "$current")
  elif [[ " $global_with_value $with_value " == *" $previous "* ]]; then
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  elif [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$flags "{} -- "$current")
  elif [[ -n $words ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  fi
}}
complete -o filenames -F _lagan lagan
)",
                        shell_word(joined(long_flags_of(app))));
  return script;
}

std::string zsh_words(const CLI::App& app) {
  std::string words;
  for (const CLI::App* command : commands_of(app)) {
    words += " " + shell_word(command->get_name() + ":" + command->get_description());
  }
  for (const CLI::Option* argument : arguments_of(app)) {
    for (const std::string& word : choices_of(app, *argument)) words += " " + shell_word(word);
  }
  return words;
}

std::string zsh_flags(const CLI::App& app) {
  std::string flags;
  for (const CLI::Option* option : flags_of(app)) {
    for (const std::string& name : option->get_lnames())
      flags += " " + shell_word("--" + name + ":" + option->get_description());
  }
  return flags;
}

std::string zsh_script(const CLI::App& app) {
  std::string script = fmt::format(R"(#compdef lagan
# zsh completion for lagan: put this file into a folder of $fpath as _lagan, or source it.
_lagan() {{
  local command="" word is_value="" with_value="" values=""
  local global_with_value={}
  local -a candidates flags
  for word in "${{(@)words[2,CURRENT-1]}}"; do
    if [[ -n $is_value ]]; then is_value=""; continue; fi
    if [[ " $global_with_value " == *" $word "* ]]; then is_value=1; continue; fi
    case "$command $word" in
)",
                                   shell_word(flags_with_value(app)));
  script += cases_of_words(app) + "    esac\n  done\n  case \"$command\" in\n";
  script += fmt::format("    '') candidates=({} ) ;;\n", zsh_words(app));
  for_each_command(app, [&](const CLI::App& command) {
    script += fmt::format("    {}) candidates=({} ) flags=({} ) with_value={} ;;\n",
                          shell_word(command_name(command)), zsh_words(command), zsh_flags(command),
                          shell_word(flags_with_value(command)));
  });
  script += "  esac\n  case \"$command ${words[CURRENT-1]}\" in\n" + cases_of_choices(app);
  script += fmt::format(R"(  esac
  flags+=({} )
  if [[ -n $values ]]; then
    compadd -- ${{=values}}
  elif [[ " $global_with_value $with_value " == *" ${{words[CURRENT-1]}} "* ]]; then
    _files
  elif [[ $PREFIX == -* ]]; then
    _describe -o flag flags
  elif (( $#candidates )); then
    _describe command candidates
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
                        zsh_flags(app));
  return script;
}

void add_fish_flags(std::string& script, const CLI::App& app, const std::string& condition) {
  for (const CLI::Option* option : flags_of(app)) {
    const auto words = choices_of(app, *option);
    std::string line = "complete -c lagan" + condition;
    for (const std::string& letter : option->get_snames()) line += " -s " + letter;
    for (const std::string& name : option->get_lnames()) line += " -l " + name;
    if (!words.empty()) line += " -x -a " + shell_word(joined(words));
    if (words.empty() && takes_value(*option)) line += " -r";
    script += line + " -d " + shell_word(option->get_description()) + "\n";
  }
}

// True once the command is on the line.
std::string fish_condition(const CLI::App& command) {
  if (command.get_parent() == nullptr) return {};
  const std::string above = fish_condition(*command.get_parent());
  return above + (above.empty() ? "" : "; and ") + "__fish_seen_subcommand_from " +
         joined(names_of(command));
}

std::string fish_script(const CLI::App& app) {
  std::string script =
      "# fish completion for lagan: put this file into ~/.config/fish/completions/lagan.fish\n";
  add_fish_flags(script, app, "");
  for (const CLI::App* command : commands_of(app)) {
    script += fmt::format("complete -c lagan -n __fish_use_subcommand -f -a {} -d {}\n",
                          command->get_name(), shell_word(command->get_description()));
  }
  for_each_command(app, [&](const CLI::App& command) {
    const std::string condition = " -n " + shell_word(fish_condition(command));
    for (const CLI::App* below : commands_of(command)) {
      script += fmt::format("complete -c lagan{} -f -a {} -d {}\n", condition, below->get_name(),
                            shell_word(below->get_description()));
    }
    for (const CLI::Option* argument : arguments_of(command)) {
      const auto words = choices_of(command, *argument);
      if (!words.empty())
        script +=
            fmt::format("complete -c lagan{} -f -a {}\n", condition, shell_word(joined(words)));
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
