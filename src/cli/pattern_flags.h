// SPDX-License-Identifier: Apache-2.0
#pragma once

// The four flags of one kind that take patterns: --exclude, --iexclude, --exclude-file and
// --iexclude-file, or the same with `include`.

#include <string>
#include <vector>

#include "src/cli/context.h"
#include "src/engine/pattern_rules.h"

namespace lagan::cli {

class PatternFlags {
 public:
  // `names` are those of the first one: "-e,--exclude".
  void add_to(CLI::App& command, const std::string& names, const std::string& help);

  // As they came: of all that match, the last one decides.
  std::vector<PatternFlag> in_order() const;
  // The same, read and understood; files of includes hold at least one pattern.
  Result<std::vector<PatternRule>> rules() const;

 private:
  struct Spelling {
    const CLI::Option* option = nullptr;
    bool is_file = false, ignore_case = false;
  };
  std::string name_;
  std::vector<Spelling> spellings_;
  const CLI::App* command_ = nullptr;
};

}  // namespace lagan::cli
