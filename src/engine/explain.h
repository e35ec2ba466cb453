// SPDX-License-Identifier: Apache-2.0
#pragma once

// Why a backup would keep one path or leave it out, without a backup: asks the same filter along
// the same way.

#include <string>
#include <vector>

#include "src/engine/filter.h"
#include "util/result.h"

namespace lagan {

struct Explanation {
  bool is_kept = false;
  std::string path;  // absolute
  std::string why;   // the rule that decides, and for which folder above if not for the path itself
};

// Of `path` in a backup of `targets`; without any, of a backup of everything. All as the user wrote
// them. A path that is not there is `not_found`.
Result<Explanation> explain(const FilterOptions& options, const std::vector<std::string>& targets,
                            const std::string& path, const Filter::Note& note);

}  // namespace lagan
