// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which entries of a snapshot are restored, and which of the target may be deleted. Either what
// matches is included or what matches is excluded; a later `!pattern` takes back. Immutable once
// made; any thread.

#include <string>
#include <vector>

#include "src/engine/pattern_rules.h"

namespace lagan {

struct RestoreFilter {
  std::vector<PatternRule> includes, excludes;

  enum class Choice { yes, no, only_below };  // the last: it leads to what is wanted
  Choice choose(const std::string& path, bool is_folder) const;
  bool is_empty() const { return includes.empty() && excludes.empty(); }
};

}  // namespace lagan
