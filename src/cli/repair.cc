// SPDX-License-Identifier: Apache-2.0
#include "src/cli/repair_commands.h"

namespace lagan::cli {

void add_repair(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("repair", "mend a damaged repository; deletes nothing");
  command->require_subcommand(1);
  add_repair_boot(*command, context);
  add_repair_index(*command, context);
  add_repair_packs(*command, context);
  add_repair_snapshots(*command, context);
}

}  // namespace lagan::cli
