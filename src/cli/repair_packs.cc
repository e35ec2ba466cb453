// SPDX-License-Identifier: Apache-2.0
#include "src/engine/repair_packs.h"

#include <fmt/format.h>

#include <algorithm>

#include "src/cli/progress_line.h"
#include "src/cli/repair_commands.h"

namespace lagan::cli {
namespace {

struct PackFlags {
  std::vector<std::string> packs;
  bool read_data = false, give_up_unreadable = false, dry_run = false;
};

void print_plan(const Context& context, const RepairPacksResult& plan) {
  for (const DamagedPack& pack : plan.damaged) {
    const char* const what = pack.is_kept       ? "keep     "
                             : pack.is_readable ? "replace  "
                                                : "set aside";
    context.say(fmt::format("{} {}: {}", what, pack.name, fmt::join(pack.troubles, "; ")));
    if (pack.is_readable) {
      context.say(fmt::format("          {} chunks are good and stored again, {} are damaged",
                              pack.good_chunks, pack.bad_chunks));
    }
  }
  for (const std::string& path : plan.affected) context.say("loses     " + path);
}

void print_json_summary(const Context& context, const RepairPacksResult& result, bool dry_run) {
  Json damaged = Json::array();
  for (const DamagedPack& pack : result.damaged) {
    damaged.push_back({{"pack", pack.name},
                       {"troubles", pack.troubles},
                       {"readable", pack.is_readable},
                       {"kept", pack.is_kept},
                       {"good_chunks", pack.good_chunks},
                       {"damaged_chunks", pack.bad_chunks}});
  }
  Json message{{"message_type", "summary"},          {"packs_read", result.packs_read},
               {"damaged_packs", damaged},           {"lost_chunks", result.lost_chunks},
               {"affected", result.affected},        {"chunks_stored", result.chunks_stored},
               {"bytes_stored", result.bytes_stored}};
  if (dry_run) message["dry_run"] = true;
  context.print_json(message);
}

void print_summary(const Context& context, const RepairPacksResult& result, bool dry_run) {
  if (result.damaged.empty()) {
    context.say(fmt::format("read {} packs: none is damaged", result.packs_read));
    return;
  }
  context.say(fmt::format("{} of {} packs are damaged: {} chunks, {}, {} stored again",
                          result.damaged.size(), result.packs_read, result.chunks_stored,
                          format_bytes(result.bytes_stored), dry_run ? "would be" : "were"));
  if (!dry_run) context.say("a later 'lagan prune' deletes those that were replaced");
  if (std::ranges::any_of(result.damaged, &DamagedPack::is_kept)) {
    context.warn(
        "the storage refuses to read some packs, which may be whole: they stay. If it will never "
        "read them, run this again with --give-up-unreadable");
  }
  if (result.lost_chunks != 0) {
    context.warn(
        fmt::format("{} chunks are lost: the next backup that finds them in its source stores them "
                    "again; 'lagan repair snapshots' makes do without them",
                    result.lost_chunks));
  }
}

// The plan is printed before anything is written.
Result<int> run_repair_packs(Context& context, const PackFlags& flags) {
  if (!flags.packs.empty() && flags.read_data)
    return fail(ErrorCode::invalid_argument, "name packs or --read-data, not both");
  const auto repository = TRY(context.open_repository());
  RepairPacksOptions options;
  options.packs = flags.packs;
  options.read_all = flags.read_data;
  options.give_up_unreadable = flags.give_up_unreadable;
  options.is_stopped = [&context] { return context.is_stopped(); };
  ProgressLine progress(context, "repair");
  auto result = repair_packs(*repository, options, progress);
  progress.finish();
  if (!result) return fail(std::move(result).error());
  print_plan(context, *result);
  if (!flags.dry_run && !result->damaged.empty()) {
    options.packs.clear();
    for (const DamagedPack& pack : result->damaged) options.packs.push_back(pack.name);
    options.read_all = false;
    options.carry_out = true;
    const std::uint64_t looked_at = result->packs_read;
    result = TRY(repair_packs(*repository, options, progress));
    result->packs_read = looked_at;
  }
  if (context.globals.json) {
    print_json_summary(context, *result, flags.dry_run);
  } else if (result->packs_read == 0) {
    context.say("no pack is known to be damaged: 'lagan check --read-data' reads them all");
  } else {
    print_summary(context, *result, flags.dry_run);
  }
  const bool all_is_well =
      result->lost_chunks == 0 && std::ranges::none_of(result->damaged, &DamagedPack::is_kept);
  return all_is_well ? kOk : kFailed;
}

}  // namespace

void add_repair_packs(CLI::App& repair, Context& context) {
  auto flags = std::make_shared<PackFlags>();
  CLI::App* command = repair.add_subcommand(
      "packs", "store again what can be read of damaged packs, and unlist them");
  command->add_option("pack", flags->packs,
                      "these; without any, those that the last check found damaged");
  command->add_flag("--read-data", flags->read_data, "read all packs to find the damaged ones");
  command->add_flag("--give-up-unreadable", flags->give_up_unreadable,
                    "also replace packs that the storage refuses to read");
  command->add_flag("-n,--dry-run", flags->dry_run, "only say what would be done");
  command->callback([&context, flags] {
    context.run = [&context, flags] {
      const auto code = run_repair_packs(context, *flags);
      return code ? *code : context.fail_with(code.error());
    };
  });
}

}  // namespace lagan::cli
