// SPDX-License-Identifier: Apache-2.0
#pragma once

// Files of patterns: one a line, without the blanks at its end; empty lines and those that begin
// with '#' say nothing.

#include <string>
#include <vector>

#include "src/engine/filter.h"

namespace lagan {

// Adds them to `patterns`. Errors name the file.
Result<void> read_pattern_file(const std::string& path, bool ignore_case,
                               std::vector<PathPattern>& patterns);

}  // namespace lagan
