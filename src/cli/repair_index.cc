// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "src/cli/repair_commands.h"
#include "src/engine/repair_index.h"

namespace lagan::cli {
namespace {

struct RepairFlags {
  bool dry_run = false;
};

void print_all(const Context& context, const char* what, const std::vector<std::string>& names) {
  for (const std::string& name : names) context.say(fmt::format("{} {}", what, name));
}

// The plan is printed before anything is written.
Result<int> run_repair_index(Context& context, const RepairFlags& flags) {
  const auto repository = TRY(context.open_repository());
  RepairIndexPlan plan = TRY(repair_index(*repository, false));
  print_all(context, "list    ", plan.add);
  print_all(context, "unlist  ", plan.remove);
  print_all(context, "replace ", plan.replace);
  for (const std::string& name : plan.unreadable)
    context.warn(name + ": cannot be read; it stays as it is");
  if (!flags.dry_run && !plan.is_empty()) plan = TRY(repair_index(*repository, true));
  if (context.globals.json) {
    context.print_json({{"message_type", "summary"},
                        {"listed", plan.add},
                        {"unlisted", plan.remove},
                        {"replaced", plan.replace},
                        {"unreadable", plan.unreadable}});
  }
  context.say(fmt::format("{} packs {} listed, {} unlisted, {} segments replaced", plan.add.size(),
                          flags.dry_run ? "would be" : "were", plan.remove.size(),
                          plan.replace.size()));
  if (!plan.replace.empty() && !plan.unreadable.empty()) {
    context.say(
        "what lay in the packs that cannot be read is lost, if anything did: 'lagan repair packs' "
        "sets them aside");
  }
  if (!plan.remove.empty()) {
    context.say(
        "what lay in the unlisted packs is lost, unless the next backup still finds it in "
        "the source");
  }
  return plan.unreadable.empty() ? kOk : kFailed;
}

}  // namespace

void add_repair_index(CLI::App& repair, Context& context) {
  auto flags = std::make_shared<RepairFlags>();
  CLI::App* command =
      repair.add_subcommand("index", "make the index say again which packs are there");
  command->add_flag("-n,--dry-run", flags->dry_run, "only say what would be done");
  command->callback([&context, flags] {
    context.run = [&context, flags] {
      const auto code = run_repair_index(context, *flags);
      return code ? *code : context.fail_with(code.error());
    };
  });
}

}  // namespace lagan::cli
