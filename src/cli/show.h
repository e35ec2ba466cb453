// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a command was asked to show, as opposed to what it says while it works: --quiet keeps it.

#include "src/cli/context.h"

namespace lagan::cli {

// A line on stdout; with --json there is something else instead.
inline void show(const Context& context, const std::string& line) {
  if (!context.globals.json) put(stdout, line + "\n");
}

}  // namespace lagan::cli
