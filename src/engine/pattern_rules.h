// SPDX-License-Identifier: Apache-2.0
#pragma once

// Lists of patterns that leave entries out or take them back, each with where it was written: on
// the command line, in a file that it names, or in the source. Lists that lie in the source
// (.laganignore, .gitignore) hold below their folder and are chained, the inner before the outer.
// Immutable once made; any thread.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "src/engine/path_pattern.h"

namespace lagan {

// One pattern flag, or one file of patterns, a pattern a line.
struct PatternFlag {
  std::string text;
  bool is_file = false, ignore_case = false;
};

struct PatternRule {
  PathPattern pattern;
  std::string origin;  // "--exclude '*.o'", "/home/ann/.laganignore:3 '*.o'"
  bool of_git = false;
};

struct IgnoreFile {
  std::string folder;  // the paths below it are what its rules are about
  std::vector<PatternRule> rules;
  std::shared_ptr<const IgnoreFile> outer;

  // The part of `path`, which lies below, that the rules look at.
  std::string_view relative(std::string_view path) const {
    return folder == "/" ? path : path.substr(folder.size());
  }
};
using IgnoreFiles = std::shared_ptr<const IgnoreFile>;

// Calls `each` with every line that holds a pattern, and its number: without line end and spaces at
// the end, comments and empty lines left out.
void for_each_pattern_line(std::string_view text,
                           const std::function<void(std::string_view line, std::size_t)>& each);

// The patterns of all these flags, as they came. `name` is what the flags are called: "exclude".
Result<std::vector<PatternRule>> read_pattern_flags(const std::vector<PatternFlag>& flags,
                                                    std::string_view name);

// The patterns of the file `name` in the open `folder`, whose path is `path`, before those of
// `outer`; just `outer` if there is no such file. A line that makes no sense, or a file that cannot
// be read, leaves nothing out and is told to `note`.
IgnoreFiles read_ignore_file(int folder, const std::string& path, const char* name, bool of_git,
                             IgnoreFiles outer, const std::function<void(std::string)>& note);

}  // namespace lagan
