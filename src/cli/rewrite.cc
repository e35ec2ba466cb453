// SPDX-License-Identifier: Apache-2.0
#include "src/engine/rewrite.h"

#include <fmt/format.h>

#include "src/cli/pattern_flags.h"
#include "src/cli/progress_line.h"
#include "src/cli/snapshot_json.h"

namespace lagan::cli {
namespace {

struct RewriteFlags {
  std::vector<std::string> wanted;
  SnapshotFlags filter;
  PatternFlags excludes, includes;
  std::string new_host, new_time;
  bool forget = false, dry_run = false;
};

Result<RewriteOptions> options_of(const Context& context, const RewriteFlags& flags) {
  RewriteOptions options;
  options.excludes = flags.excludes.in_order();
  const auto excludes = TRY(flags.excludes.rules());
  options.includes = TRY(flags.includes.rules());
  if (!options.includes.empty() && !excludes.empty())
    return fail(ErrorCode::invalid_argument, "--include and --exclude cannot be used together");
  if (!flags.new_host.empty()) options.host = flags.new_host;
  if (!flags.new_time.empty()) options.time = TRY_IN("--new-time", parse_time(flags.new_time));
  if (options.includes.empty() && excludes.empty() && !options.host && !options.time) {
    return fail(ErrorCode::invalid_argument,
                "say what to leave out (--exclude PATTERN) or to change (--new-host, --new-time)");
  }
  options.forget = flags.forget;
  options.dry_run = flags.dry_run;
  options.writer = TRY(context.writer_options());
  options.is_stopped = [&context] { return context.is_stopped(); };
  return options;
}

Json counts_json(const Subtree& removed) {
  return {{"files_removed", removed.files},
          {"dirs_removed", removed.dirs},
          {"bytes_removed", removed.content_bytes}};
}

void print_one(const Context& context, const StoredSnapshot& old, const RewrittenSnapshot& done) {
  const Subtree& removed = done.removed;
  if (context.globals.json) {
    Json message = done.snapshot
                       ? changed_json(old.id, *done.snapshot)
                       : Json{{"message_type", "changed"}, {"old_snapshot_id", old.id.hex()}};
    message.update(counts_json(removed));
    context.print_json(message);
    return;
  }
  std::string what =
      fmt::format("snapshot {} of {}: ", old.id.short_hex(), format_time(old.snapshot.time));
  const std::string there = done.snapshot ? done.snapshot->short_hex() : "";
  if (removed.files + removed.dirs == 0) {
    what += done.snapshot ? "put again as " + there : "would be put again";
  } else {
    what += fmt::format("{} files and {} folders ({}) {}", removed.files, removed.dirs,
                        format_bytes(removed.content_bytes),
                        done.snapshot ? "left out of " + there : "would be left out");
  }
  context.say(what);
}

void print_summary(const Context& context, std::size_t changed, const Subtree& removed,
                   const RewriteFlags& flags) {
  if (context.globals.json) {
    Json message{{"message_type", "summary"}};
    if (flags.dry_run) message["dry_run"] = true;
    message["changed_snapshots"] = changed;
    message.update(counts_json(removed));
    context.print_json(message);
    return;
  }
  if (changed == 0) return context.say("no snapshot was changed");
  context.say(fmt::format("{} {} snapshots{}", flags.dry_run ? "would rewrite" : "rewrote", changed,
                          flags.forget && !flags.dry_run
                              ? " and forgot the old ones; 'lagan undelete' brings them back"
                              : ""));
  if (flags.dry_run || removed.files + removed.dirs == 0) return;
  context.say(flags.forget
                  ? "What was left out is gone from the repository when the undelete window of the "
                    "old ones is over\nand prune has run twice after that."
                  : "What was left out is gone from the repository only after the old ones are "
                    "forgotten, their undelete\nwindow is over and prune has run twice.");
}

Result<void> run_rewrite(Context& context, const RewriteFlags& flags) {
  const RewriteOptions options = TRY(options_of(context, flags));
  const auto repository = TRY(context.open_repository());
  const SnapshotList list = TRY(list_snapshots(*repository));
  for (const std::string& damaged : list.damaged) context.warn(damaged);
  const auto chosen = TRY(flags.filter.choose(list, flags.wanted));

  ProgressLine progress(context, "rewrite", 1);
  Subtree removed;
  const auto changed =
      rewrite_snapshots(*repository, list, chosen, options, progress,
                        [&](const StoredSnapshot& old, const RewrittenSnapshot& done) {
                          removed.files += done.removed.files;
                          removed.dirs += done.removed.dirs;
                          removed.content_bytes += done.removed.content_bytes;
                          progress.interrupt([&] { print_one(context, old, done); });
                        });
  progress.finish();
  if (!changed) return fail(changed.error());
  print_summary(context, *changed, removed, flags);
  return {};
}

}  // namespace

void add_rewrite(CLI::App& app, Context& context) {
  auto flags = std::make_shared<RewriteFlags>();
  CLI::App* command = app.add_subcommand("rewrite", "take files out of snapshots");
  command->add_option("snapshot", flags->wanted, "these; without any, all that match");
  flags->excludes.add_to(*command, "-e,--exclude", "leave out what matches PATTERN");
  flags->includes.add_to(*command, "-i,--include", "leave out all but what matches PATTERN");
  command->add_option("--new-host", flags->new_host, "give the new snapshots this host name")
      ->type_name("HOST");
  command
      ->add_option("--new-time", flags->new_time,
                   "give the new snapshots this time, \"2006-01-02 15:04:05\"")
      ->type_name("TIME");
  command->add_flag("--forget", flags->forget,
                    "forget the old snapshots; without it the new ones get the tag `rewrite`");
  command->add_flag("-n,--dry-run", flags->dry_run,
                    "change nothing, only say what would go; with -v, which files");
  flags->filter.add_to(*command);
  command->callback([&context, flags] {
    context.run = [&context, flags] {
      const auto done = run_rewrite(context, *flags);
      return done ? kOk : context.fail_with(done.error());
    };
  });
}

}  // namespace lagan::cli
