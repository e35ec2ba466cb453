// SPDX-License-Identifier: Apache-2.0
#pragma once

// The subcommands of `repair`, each in its own file. All print what they are going to do before
// they write anything, and delete nothing.

#include "src/cli/context.h"

namespace lagan::cli {

void add_repair_boot(CLI::App& repair, Context& context);
void add_repair_index(CLI::App& repair, Context& context);
void add_repair_packs(CLI::App& repair, Context& context);
void add_repair_snapshots(CLI::App& repair, Context& context);

}  // namespace lagan::cli
