// SPDX-License-Identifier: Apache-2.0
#pragma once

// Patterns of paths, as .gitignore has them: `*`, `?` and `[a-z]` stay within a component, `**`
// spans components, `!` in front takes back, '/' at the end means folders only. Without a leading
// '/' a pattern matches at any depth. Immutable once made; any thread.

#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"

namespace lagan {

// One component pattern against one name: `*`, `?`, `[a-z]`, `\` escapes.
bool glob_matches(std::string_view pattern, std::string_view name, bool ignore_case = false);

class PathPattern {
 public:
  // `invalid_argument` for an empty pattern or an unclosed bracket.
  static Result<PathPattern> parse(std::string_view text, bool ignore_case = false);
  // A line of an ignore file, for paths below the file's folder: there a slash in the middle ties
  // the pattern to that folder as one in front does.
  static Result<PathPattern> parse_ignore_line(std::string_view line);

  // True if the pattern matches the path itself or a folder above it. `path` begins with '/'.
  bool matches(std::string_view path) const;
  // True if the pattern matches the path itself, whatever the folders above it are called.
  bool matches_itself(std::string_view path, bool is_folder = true) const;
  // Could something below this folder match? False only if surely not.
  bool may_match_below(std::string_view folder) const;
  bool is_negated() const { return negated_; }

 private:
  bool matches_from(std::string_view path, bool whole) const;

  std::vector<std::string> components_;
  bool anchored_ = false, negated_ = false, ignore_case_ = false, only_folders_ = false;
};

}  // namespace lagan
