// SPDX-License-Identifier: Apache-2.0
#pragma once

// The commands that show snapshots as folders and take them away again, each in its own file.

#include "src/cli/context.h"

namespace lagan::cli {

void add_mount(CLI::App& app, Context& context);
void add_umount(CLI::App& app, Context& context);

}  // namespace lagan::cli
