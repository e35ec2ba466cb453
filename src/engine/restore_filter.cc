// SPDX-License-Identifier: Apache-2.0
#include "src/engine/restore_filter.h"

#include <algorithm>

namespace lagan {
namespace {

// The last pattern that says something decides.
bool is_matched(const std::vector<PatternRule>& rules, const std::string& path) {
  bool matched = false;
  for (const PatternRule& rule : rules) {
    const PathPattern& pattern = rule.pattern;
    if (matched == pattern.is_negated() && pattern.matches(path)) matched = !pattern.is_negated();
  }
  return matched;
}

}  // namespace

RestoreFilter::Choice RestoreFilter::choose(const std::string& path, bool is_folder) const {
  if (!excludes.empty()) return is_matched(excludes, path) ? Choice::no : Choice::yes;
  if (includes.empty() || is_matched(includes, path)) return Choice::yes;
  const auto reaches_below = [&](const PatternRule& rule) {
    return !rule.pattern.is_negated() && rule.pattern.may_match_below(path);
  };
  return is_folder && std::ranges::any_of(includes, reaches_below) ? Choice::only_below
                                                                   : Choice::no;
}

}  // namespace lagan
