// SPDX-License-Identifier: Apache-2.0
#include "src/engine/repair_snapshots.h"

#include <fmt/format.h>

#include <algorithm>

#include "src/cli/repair_commands.h"

namespace lagan::cli {
namespace {

struct SnapshotRepairFlags {
  std::vector<std::string> wanted;
  SnapshotFlags filter;
  bool forget = false, dry_run = false;
};

void print_plan(const Context& context, const RepairSnapshotsResult& plan, bool forget) {
  for (const BrokenSnapshot& broken : plan.broken) {
    if (broken.repaired) {
      context.say(fmt::format("{}  {} was repaired as {}", forget ? "forget" : "keep  ",
                              broken.id.short_hex(), broken.repaired->short_hex()));
      continue;
    }
    context.say(fmt::format("repair  {}", broken.id.short_hex()));
    for (const std::string& loss : broken.losses) context.say("without " + loss);
  }
}

void tell_what_was_done(const Context& context, const RepairSnapshotsResult& result) {
  for (const BrokenSnapshot& broken : result.broken) {
    const std::string forgotten = broken.is_forgotten ? ", and forgotten" : "";
    if (broken.is_lost) {
      context.warn(fmt::format("{}: nothing of it is left{}", broken.id.short_hex(), forgotten));
    } else {
      context.say(fmt::format("{} is repaired as {}{}", broken.id.short_hex(),
                              broken.repaired->short_hex(), forgotten));
    }
  }
}

void print_json_summary(const Context& context, const RepairSnapshotsResult& result, bool dry_run) {
  Json all = Json::array();
  for (const BrokenSnapshot& broken : result.broken) {
    Json one{{"snapshot_id", broken.id.hex()},
             {"losses", broken.losses},
             {"forgotten", broken.is_forgotten}};
    if (broken.repaired) one["repaired_id"] = broken.repaired->hex();
    all.push_back(std::move(one));
  }
  Json message{{"message_type", "summary"},
               {"snapshots", result.snapshots},
               {"broken", all},
               {"unreadable", result.unreadable}};
  if (dry_run) message["dry_run"] = true;
  context.print_json(message);
}

// The plan is printed before anything is written.
Result<int> run_repair_snapshots(Context& context, const SnapshotRepairFlags& flags) {
  const auto repository = TRY(context.open_repository());
  RepairSnapshotsOptions options;
  options.snapshots = flags.wanted;
  options.filter = flags.filter.filter();
  options.forget = flags.forget;
  options.is_stopped = [&context] { return context.is_stopped(); };
  RepairSnapshotsResult result = TRY(repair_snapshots(*repository, options));
  print_plan(context, result, flags.forget);
  for (const std::string& what : result.unreadable)
    context.warn(what + "; 'lagan recover' may find what it said");
  if (!flags.dry_run && !result.broken.empty()) {
    options.carry_out = true;
    result = TRY(repair_snapshots(*repository, options));
    tell_what_was_done(context, result);
  }
  if (context.globals.json) print_json_summary(context, result, flags.dry_run);
  context.say(fmt::format("{} of {} snapshots {}", result.broken.size(), result.snapshots,
                          flags.dry_run ? "are broken" : "were broken"));
  if (!flags.dry_run && !flags.forget && !result.broken.empty())
    context.say("the broken ones are still there: with --forget they are forgotten");
  const bool all_is_well =
      result.unreadable.empty() && std::ranges::none_of(result.broken, &BrokenSnapshot::is_lost);
  return all_is_well ? kOk : kFailed;
}

}  // namespace

void add_repair_snapshots(CLI::App& repair, Context& context) {
  auto flags = std::make_shared<SnapshotRepairFlags>();
  CLI::App* command = repair.add_subcommand(
      "snapshots", "put snapshots that do without what is lost beside those that lack it");
  command->add_option("snapshot", flags->wanted, "these; without any, all that match");
  command->add_flag("--forget", flags->forget, "forget the broken ones");
  command->add_flag("-n,--dry-run", flags->dry_run, "only say what would be done");
  flags->filter.add_to(*command);
  command->callback([&context, flags] {
    context.run = [&context, flags] {
      const auto code = run_repair_snapshots(context, *flags);
      return code ? *code : context.fail_with(code.error());
    };
  });
}

}  // namespace lagan::cli
