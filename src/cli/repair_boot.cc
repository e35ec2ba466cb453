// SPDX-License-Identifier: Apache-2.0
#include "src/engine/repair_boot.h"

#include <fmt/format.h>

#include "src/cli/repair_commands.h"

namespace lagan::cli {
namespace {

// The plan is printed before anything is written.
Result<void> run_repair_boot(Context& context, bool dry_run) {
  const auto repository = TRY(context.open_repository());
  const RepairBootPlan plan = TRY(repair_boot(*repository, false));
  if (plan.boot_record) context.say("put       lagan.repo, as the keys say it was");
  if (plan.config) context.say("put       a config with the default settings");
  for (const std::string& name : plan.replaces)
    context.say("replace   " + name + ", which cannot be read and stays as it is");
  if (!dry_run && !plan.is_empty()) TRY(repair_boot(*repository, true));
  if (context.globals.json) {
    context.print_json({{"message_type", "summary"},
                        {"boot_record", plan.boot_record},
                        {"config", plan.config},
                        {"replaces", plan.replaces}});
  }
  if (plan.is_empty()) context.say("nothing is missing that a repository is opened with");
  return {};
}

}  // namespace

void add_repair_boot(CLI::App& repair, Context& context) {
  auto dry_run = std::make_shared<bool>(false);
  CLI::App* command = repair.add_subcommand(
      "boot", "put lagan.repo and the settings again if they are lost or damaged");
  command->add_flag("-n,--dry-run", *dry_run, "only say what would be done");
  command->callback([&context, dry_run] {
    context.run = [&context, dry_run] {
      const auto done = run_repair_boot(context, *dry_run);
      return done ? kOk : context.fail_with(done.error());
    };
  });
}

}  // namespace lagan::cli
