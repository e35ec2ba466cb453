// SPDX-License-Identifier: Apache-2.0
#include "src/engine/recover.h"

#include <fmt/format.h>

#include <algorithm>

#include "src/cli/context.h"

namespace lagan::cli {
namespace {

using Fate = RecoveredSnapshot::Fate;

struct RecoverFlags {
  std::vector<std::string> wanted;
  bool dry_run = false;
};

const char* fate_word(Fate fate) {
  switch (fate) {
    case Fate::lost:
      return "lost";
    case Fate::forgotten:
      return "forgotten";
    case Fate::unfinished:
      return "unfinished";
  }
  return "";
}

void print_plan(const Context& context, const RecoverResult& plan) {
  for (const RecoveredSnapshot& found : plan.snapshots) {
    context.say(
        fmt::format("{}  {}  {}  {}  {}{}", found.is_chosen ? "recover" : "leave  ",
                    found.id.short_hex(), format_time(found.snapshot.time), found.snapshot.host,
                    fmt::join(found.snapshot.paths, ", "),
                    found.fate == Fate::lost
                        ? ""
                        : fmt::format("  ({}: name it to have it back)", fate_word(found.fate))));
    for (const std::string& loss : found.losses) context.say("without  " + loss);
  }
  if (plan.folders != 0)
    context.say(fmt::format("recover  {} folders that nothing names", plan.folders));
}

void print_json_summary(const Context& context, const RecoverResult& result, bool dry_run) {
  Json snapshots = Json::array();
  for (const RecoveredSnapshot& found : result.snapshots) {
    Json one{{"original", found.id.hex()},
             {"fate", fate_word(found.fate)},
             {"chosen", found.is_chosen},
             {"losses", found.losses}};
    if (found.put_as) one["snapshot_id"] = found.put_as->hex();
    snapshots.push_back(std::move(one));
  }
  Json message{{"message_type", "summary"},
               {"snapshots", snapshots},
               {"folders", result.folders},
               {"unreadable", result.unreadable}};
  if (result.folders_put_as) message["folders_snapshot_id"] = result.folders_put_as->hex();
  if (dry_run) message["dry_run"] = true;
  context.print_json(message);
}

void tell_what_was_done(const Context& context, const RecoverResult& result) {
  for (const RecoveredSnapshot& found : result.snapshots) {
    if (found.put_as) {
      context.say(fmt::format("{} is back as {}", found.id.short_hex(), found.put_as->short_hex()));
    } else if (found.is_chosen) {
      context.warn(found.id.short_hex() + ": nothing of it is left");
    }
  }
  if (result.folders_put_as) {
    context.say(fmt::format("{} folders are in snapshot {}", result.folders,
                            result.folders_put_as->short_hex()));
  }
}

// The plan is printed before anything is written.
Result<int> run_recover(Context& context, const RecoverFlags& flags) {
  const auto repository = TRY(context.open_repository());
  RecoverOptions options;
  options.snapshots = flags.wanted;
  options.is_stopped = [&context] { return context.is_stopped(); };
  RecoverResult result = TRY(recover(*repository, options));
  print_plan(context, result);
  for (const std::string& what : result.unreadable) context.warn(what);
  const bool has_work =
      result.folders != 0 || std::ranges::any_of(result.snapshots, &RecoveredSnapshot::is_chosen);
  if (has_work && !flags.dry_run) {
    options.carry_out = true;
    result = TRY(recover(*repository, options));
    tell_what_was_done(context, result);
  }
  if (context.globals.json) print_json_summary(context, result, flags.dry_run);
  if (!has_work) context.say("nothing was lost that could be found");
  const bool is_lost = std::ranges::any_of(result.snapshots, [&](const RecoveredSnapshot& found) {
    return options.carry_out && found.is_chosen && !found.put_as;
  });
  return is_lost || !result.unreadable.empty() ? kFailed : kOk;
}

}  // namespace

void add_recover(CLI::App& app, Context& context) {
  auto flags = std::make_shared<RecoverFlags>();
  CLI::App* command = app.add_subcommand(
      "recover", "bring back snapshots that were lost, and folders that nothing names any more");
  command->add_option("snapshot", flags->wanted,
                      "these only, also if they were forgotten or never finished");
  command->add_flag("-n,--dry-run", flags->dry_run, "only say what would be done");
  command->callback([&context, flags] {
    context.run = [&context, flags] {
      const auto code = run_recover(context, *flags);
      return code ? *code : context.fail_with(code.error());
    };
  });
}

}  // namespace lagan::cli
