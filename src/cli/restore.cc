// SPDX-License-Identifier: Apache-2.0
#include "src/engine/restore.h"

#include <fmt/format.h>

#include <algorithm>

#include "src/cli/context.h"
#include "src/cli/progress_line.h"

namespace lagan::cli {
namespace {

struct RestoreFlags {
  std::string snapshot, target, destination;
  SnapshotFlags filter;
  std::vector<std::string> includes, includes_ignoring_case, excludes, excludes_ignoring_case;
  bool dry_run = false, owner_by_name = false, sparse = false;
};

Result<std::vector<PathPattern>> parse_all(const std::vector<std::string>& texts,
                                           const std::vector<std::string>& ignoring_case) {
  std::vector<PathPattern> patterns;
  for (const std::string& text : texts) patterns.push_back(TRY(PathPattern::parse(text)));
  for (const std::string& text : ignoring_case)
    patterns.push_back(TRY(PathPattern::parse(text, true)));
  return patterns;
}

void print_summary(const Context& context, const RestoreResult& result, bool dry_run,
                   double seconds) {
  const std::uint64_t total = result.files + result.folders + result.others;
  if (context.globals.json) {
    context.print_json({{"message_type", "summary"},
                        {"seconds_elapsed", static_cast<std::uint64_t>(seconds)},
                        {"total_files", total},
                        {"files_restored", total - std::min(total, result.errors)},
                        {"files_skipped", 0},
                        {"files_deleted", 0},
                        {"total_bytes", result.total_bytes},
                        {"bytes_restored", result.bytes},
                        {"bytes_skipped", 0}});
  } else {
    context.say(fmt::format("{} {} files, {} folders, {} links and others: {} in {:.1f} s",
                            dry_run ? "would restore" : "restored", result.files, result.folders,
                            result.others, format_bytes(result.bytes), seconds));
  }
  if (result.errors != 0)
    context.warn(fmt::format("{} errors: not everything was restored (see above)", result.errors));
}

Result<int> run_restore(Context& context, const RestoreFlags& flags) {
  RestoreOptions options;
  options.target = !flags.target.empty() ? flags.target : flags.destination;
  if (options.target.empty())
    return fail(ErrorCode::invalid_argument, "say where to: --target FOLDER");
  options.includes = TRY(parse_all(flags.includes, flags.includes_ignoring_case));
  options.excludes = TRY(parse_all(flags.excludes, flags.excludes_ignoring_case));
  if (!options.includes.empty() && !options.excludes.empty()) {
    return fail(ErrorCode::invalid_argument, "--include and --exclude cannot be used together");
  }
  options.dry_run = flags.dry_run;
  options.owner_by_name = flags.owner_by_name;
  options.is_stopped = [&context] { return context.is_stopped(); };

  const auto [wanted, path] = split_snapshot_path(flags.snapshot);
  options.path_in_snapshot = path;
  const auto repository = TRY(context.open_repository());
  const SnapshotList list = TRY(list_snapshots(*repository));
  const StoredSnapshot stored = TRY(find_snapshot(list, wanted, flags.filter.filter()));
  if (!stored.verified)
    context.warn(
        fmt::format("snapshot {} was never verified: parts may be missing", stored.id.short_hex()));
  const LocalIndex index = TRY(context.load_index(*repository));

  ProgressLine progress(context, "restore");
  const auto result = restore(*repository, index, stored.snapshot, options, progress);
  progress.finish();
  if (!result) return fail(result.error());
  print_summary(context, *result, flags.dry_run, progress.seconds());
  return result->errors != 0 ? kFailed : kOk;
}

}  // namespace

void add_restore(CLI::App& app, Context& context) {
  auto flags = std::make_shared<RestoreFlags>();
  CLI::App* command =
      app.add_subcommand("restore", "bring the files of a snapshot back")->alias("extract");
  command
      ->add_option("snapshot", flags->snapshot,
                   "`latest`, an id or its beginning, with :PATH only what is below PATH")
      ->required();
  command->add_option("destination", flags->destination,
                      "the folder to restore to, another way to say --target");
  command->add_option("-t,--target", flags->target, "the folder to restore to")
      ->type_name("FOLDER");
  command->add_option("-i,--include", flags->includes, "only what matches PATTERN")
      ->type_name("PATTERN")
      ->allow_extra_args(false);
  command
      ->add_option("--iinclude", flags->includes_ignoring_case,
                   "the same, upper and lower case alike")
      ->type_name("PATTERN")
      ->allow_extra_args(false);
  command->add_option("-e,--exclude", flags->excludes, "all but what matches PATTERN")
      ->type_name("PATTERN")
      ->allow_extra_args(false);
  command
      ->add_option("--iexclude", flags->excludes_ignoring_case,
                   "the same, upper and lower case alike")
      ->type_name("PATTERN")
      ->allow_extra_args(false);
  command->add_flag("-n,--dry-run", flags->dry_run, "write nothing");
  command->add_flag("--ownership-by-name", flags->owner_by_name,
                    "give files to users and groups by name, not number");
  command->add_flag("--sparse", flags->sparse,
                    "accepted for restic's sake: holes are always restored as they were");
  flags->filter.add_to(*command);
  command->callback([&context, flags] {
    context.run = [&context, flags] {
      const auto code = run_restore(context, *flags);
      return code ? *code : context.fail_with(code.error());
    };
  });
}

}  // namespace lagan::cli
