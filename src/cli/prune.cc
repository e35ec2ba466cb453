// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <charconv>

#include "src/cli/progress_line.h"
#include "src/cli/prune_flags.h"
#include "src/cli/value_check.h"
#include "src/engine/retention.h"

namespace lagan::cli {
namespace {

constexpr Nanoseconds kHour = Nanoseconds{3600} * 1'000'000'000;

// Days and hours, "0" for none: what is waited for has no months.
Result<Nanoseconds> parse_wait(const std::string& text) {
  if (text == "0") return 0;
  const CalendarSpan span = TRY(parse_calendar_span(text));
  if (span.years != 0 || span.months != 0)
    return fail(ErrorCode::invalid_argument, "expected days and hours: 7d, 36h");
  return (Nanoseconds{span.days} * 24 + span.hours) * kHour;
}

Result<PruneLimits> parse_unused(const std::string& unused) {
  PruneLimits limits;
  if (unused == "unlimited") {
    limits.unused_share = 1;
  } else if (unused.ends_with('%')) {
    double percent = -1;
    const char* const end = unused.data() + unused.size() - 1;
    const auto [after, error] = std::from_chars(unused.data(), end, percent);
    if (error != std::errc() || after != end || !(percent >= 0) || percent > 100) {
      return fail(ErrorCode::invalid_argument, "expected a part (5%), a size (2G) or unlimited");
    }
    limits.unused_share = percent / 100;
  } else {
    limits.unused_share = 1;
    limits.unused_bytes = TRY(parse_size(unused));
  }
  return limits;
}

Result<PruneLimits> parse_limits(const PruneFlags& flags) {
  PruneLimits limits = TRY_IN("--max-unused", parse_unused(flags.max_unused));
  if (!flags.max_repack_size.empty())
    limits.repack_bytes = TRY_IN("--max-repack-size", parse_size(flags.max_repack_size));
  return limits;
}

void print_json_summary(const Context& context, const PruneResult& result, bool dry_run) {
  Json message{{"message_type", "summary"},
               {"packs_deleted", result.packs_deleted},
               {"bytes_deleted", result.bytes_deleted},
               {"snapshots_deleted", result.snapshots_deleted},
               {"packs_unused", result.packs_dead},
               {"packs_repacked", result.packs_sparse},
               {"bytes_to_free", result.bytes_freed},
               {"bytes_to_repack", result.bytes_to_repack},
               {"bytes_repacked", result.bytes_rescued},
               {"packs_dropped", result.packs_dropped},
               {"bytes_dropped", result.bytes_dropped},
               {"packs_waiting", result.packs_waiting},
               {"packs", result.packs},
               {"total_bytes", result.total_bytes},
               {"needed_bytes", result.needed_bytes},
               {"sessions_open", result.sessions_open},
               {"snapshots_in_window", result.snapshots_in_window}};
  if (dry_run) message["dry_run"] = true;
  context.print_json(message);
}

void print_summary(const Context& context, const PruneResult& result, bool dry_run) {
  const auto say = [&](std::string line) { context.say(line); };
  if (result.packs_deleted != 0 || result.snapshots_deleted != 0) {
    say(fmt::format("{} {} packs, {}, and {} forgotten snapshots",
                    dry_run ? "would delete" : "deleted", result.packs_deleted,
                    format_bytes(result.bytes_deleted), result.snapshots_deleted));
  }
  say(fmt::format("{} packs, {}, of which {} are needed", result.packs,
                  format_bytes(result.total_bytes), format_bytes(result.needed_bytes)));
  say(fmt::format("{}: {} packs that nothing needs and {} sparse ones, {} in all, {} stored again",
                  dry_run ? "would condemn" : "condemned", result.packs_dead, result.packs_sparse,
                  format_bytes(result.bytes_freed),
                  format_bytes(dry_run ? result.bytes_to_repack : result.bytes_rescued)));
  if (result.packs_dropped != 0) {
    say(fmt::format("the next prune deletes {} packs, {}", result.packs_dropped,
                    format_bytes(result.bytes_dropped)));
  }
  if (dry_run && result.packs_waiting != 0)
    say(fmt::format("{} packs were condemned by earlier runs", result.packs_waiting));
  if (!dry_run && result.packs_waiting != 0) {
    say(fmt::format("{} condemned packs wait for {} open sessions", result.packs_waiting,
                    result.sessions_open));
  }
  if (result.snapshots_in_window != 0) {
    say(
        fmt::format("{} forgotten snapshots can still be brought back ('lagan undelete') and keep "
                    "what they need",
                    result.snapshots_in_window));
  }
}

Result<void> run_prune(Context& context, const PruneFlags& flags) {
  const auto repository = TRY(context.open_repository());
  return prune_and_tell(context, *repository, flags);
}

}  // namespace

void PruneFlags::add_to(CLI::App& app) {
  app.add_option("--max-unused", max_unused,
                 "what may stay though nothing needs it: a part (5%), a size or unlimited")
      ->type_name("LIMIT")
      ->check(parsed_by(parse_unused));
  app.add_option("--max-repack-size", max_repack_size, "store at most so much again in one run")
      ->type_name("SIZE")
      ->check(parsed_by(parse_size));
  app.add_option("--fence-after", fence_after,
                 "give up waiting for a session without a sign of life for so long (72h)")
      ->type_name("TIME")
      ->check(parsed_by(parse_wait));
  app.add_option("--undelete-window", undelete_window,
                 "how long forgotten snapshots can be brought back (7d), 0 for not at all")
      ->type_name("TIME")
      ->check(parsed_by(parse_wait));
}

Result<void> prune_and_tell(Context& context, const Repository& repository, const PruneFlags& flags,
                            std::set<SnapshotId> as_if_forgotten) {
  PruneOptions options;
  options.as_if_forgotten = std::move(as_if_forgotten);
  options.limits = TRY(parse_limits(flags));
  if (!flags.fence_after.empty())
    options.fence_after = TRY_IN("--fence-after", parse_wait(flags.fence_after));
  if (!flags.undelete_window.empty())
    options.undelete_window = TRY_IN("--undelete-window", parse_wait(flags.undelete_window));
  options.dry_run = flags.dry_run;
  options.is_stopped = [&context] { return context.is_stopped(); };
  ProgressLine progress(context, "prune");
  const auto result = prune(repository, options, progress);
  progress.finish();
  if (!result) return fail(result.error());
  for (const std::string& warning : result->warnings) context.warn(warning);
  context.globals.json ? print_json_summary(context, *result, flags.dry_run)
                       : print_summary(context, *result, flags.dry_run);
  return {};
}

void add_prune(CLI::App& app, Context& context) {
  auto flags = std::make_shared<PruneFlags>();
  CLI::App* command =
      app.add_subcommand("prune",
                         "take what no snapshot needs out of the repository, while backups "
                         "go on")
          ->alias("gc")
          ->alias("compact");
  flags->add_to(*command);
  command->add_flag("-n,--dry-run", flags->dry_run, "only say what would be done");
  command->callback([&context, flags] {
    context.run = [&context, flags] {
      const auto done = run_prune(context, *flags);
      return done ? kOk : context.fail_with(done.error());
    };
  });
}

}  // namespace lagan::cli
