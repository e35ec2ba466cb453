// SPDX-License-Identifier: Apache-2.0
#include "src/cli/pattern_flags.h"

#include <map>

namespace lagan::cli {

void PatternFlags::add_to(CLI::App& command, const std::string& names, const std::string& help) {
  command_ = &command;
  name_ = names.substr(names.find("--") + 2);
  const auto add = [&](const std::string& spelled, const std::string& about, const char* type,
                       bool is_file, bool ignore_case) {
    // The values are taken from the option itself, in the order of all four.
    CLI::Option* option = command.add_option(
        spelled, [](const CLI::results_t&) { return true; }, about);
    option->type_name(type)
        ->expected(1, CLI::detail::expected_max_vector_size)
        ->allow_extra_args(false);
    spellings_.push_back({option, is_file, ignore_case});
  };
  add(names, help, "PATTERN", false, false);
  add("--i" + name_, "the same, upper and lower case alike", "PATTERN", false, true);
  add("--" + name_ + "-file", "file of patterns, one a line", "FILE", true, false);
  add("--i" + name_ + "-file", "the same, upper and lower case alike", "FILE", true, true);
}

std::vector<PatternFlag> PatternFlags::in_order() const {
  std::vector<PatternFlag> found;
  std::map<const CLI::Option*, std::size_t> taken;
  for (const CLI::Option* option : command_->parse_order()) {
    for (const Spelling& each : spellings_) {
      if (each.option != option) continue;
      const CLI::results_t& values = option->results();
      const std::size_t number = taken[option]++;
      if (number < values.size()) found.push_back({values[number], each.is_file, each.ignore_case});
    }
  }
  return found;
}

Result<std::vector<PatternRule>> PatternFlags::rules() const {
  const std::vector<PatternFlag> flags = in_order();
  auto rules = TRY(read_pattern_flags(flags, name_));
  // Nothing to leave out is no mistake; nothing to take may be one.
  if (!flags.empty() && rules.empty() && name_.find("include") != std::string::npos)
    return fail(ErrorCode::invalid_argument, "the pattern files hold no pattern");
  return rules;
}

}  // namespace lagan::cli
