// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which entries a backup leaves out. Patterns as restic has them: without a leading '/' they match
// at any depth, `*` and `?` stay within a component, `**` spans components, a later `!pattern`
// takes back. Immutable once made; any thread.

#include <string>
#include <string_view>
#include <vector>

#include "src/engine/source_entry.h"
#include "util/result.h"

namespace lagan {

// One component pattern against one name: `*`, `?`, `[a-z]`, `\` escapes.
bool glob_matches(std::string_view pattern, std::string_view name, bool ignore_case = false);

class PathPattern {
 public:
  // `invalid_argument` for an empty pattern or an unclosed bracket.
  static Result<PathPattern> parse(std::string_view text, bool ignore_case = false);
  // True if the pattern matches the path itself or a folder above it. `path` is absolute.
  bool matches(std::string_view path) const;
  // True if the pattern matches the path itself, whatever the folders above it are called.
  bool matches_itself(std::string_view path) const;
  // Could something below this folder match? False only if surely not.
  bool may_match_below(std::string_view folder) const;
  bool is_negated() const { return negated_; }

 private:
  std::vector<std::string> components_;
  bool anchored_ = false, negated_ = false, ignore_case_ = false;
};

struct FilterOptions {
  std::vector<std::string> excludes, excludes_ignoring_case;
  std::vector<std::string> exclude_files, exclude_files_ignoring_case;  // a pattern a line
  std::vector<std::string> exclude_if_present;                          // NAME or NAME:HEADER
  bool exclude_caches = false;    // folders with a CACHEDIR.TAG
  std::uint64_t larger_than = 0;  // 0: no limit
};

class Filter {
 public:
  static Result<Filter> create(const FilterOptions& options);

  // Asked from the top down, so folders above are not looked at again: what the user named is kept
  // whatever it is called.
  bool excludes(std::string_view path, const SourceStatus& status) const;
  // Could it leave out something below this folder? False only if surely not.
  bool may_exclude_below(std::string_view folder) const;
  // Does a marker in this open folder say that its content is to be left out?
  bool excludes_content_of(int folder) const;
  const std::vector<std::string>& patterns() const { return shown_; }
  bool is_empty() const { return patterns_.empty() && larger_than_ == 0; }

 private:
  struct Marker {
    std::string name, header;
  };
  std::vector<PathPattern> patterns_;
  std::vector<Marker> markers_;
  std::vector<std::string> shown_;
  std::uint64_t larger_than_ = 0;
};

}  // namespace lagan
