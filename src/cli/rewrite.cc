// SPDX-License-Identifier: Apache-2.0
#include "src/engine/rewrite.h"

#include <fmt/format.h>

#include "src/cli/context.h"
#include "src/cli/progress_line.h"
#include "src/engine/forget.h"

namespace lagan::cli {
namespace {

struct RewriteFlags {
  std::vector<std::string> wanted;
  SnapshotFlags filter;
  FilterOptions excludes;
  std::vector<std::string> includes, includes_ignoring_case;
  std::string new_host, new_time;
  bool forget = false, dry_run = false;
};

// Names what goes, one a line, with -v.
class RewriteProgress : public ProgressLine {
 public:
  explicit RewriteProgress(const Context& context)
      : ProgressLine(context, "rewrite", "snapshots"), tells_items_(context.globals.verbose != 0) {}
  bool wants_items() const override { return tells_items_; }

 private:
  const bool tells_items_;
};

Result<RewriteOptions> options_of(const Context& context, const RewriteFlags& flags) {
  RewriteOptions options;
  options.excludes = TRY(Filter::create(flags.excludes));
  for (const std::string& text : flags.includes)
    options.includes.push_back(TRY(PathPattern::parse(text)));
  for (const std::string& text : flags.includes_ignoring_case)
    options.includes.push_back(TRY(PathPattern::parse(text, true)));
  if (!options.includes.empty() && !options.excludes.is_empty())
    return fail(ErrorCode::invalid_argument, "--include and --exclude cannot be used together");
  if (!flags.new_host.empty()) options.host = flags.new_host;
  if (!flags.new_time.empty()) options.time = TRY(parse_time(flags.new_time));
  if (!options.changes_trees() && !options.host && !options.time) {
    return fail(ErrorCode::invalid_argument,
                "say what to leave out (--exclude PATTERN) or to change (--new-host, --new-time)");
  }
  // Without a tag nobody could tell it from the old one, which stays.
  if (!flags.forget) options.add_tags = {"rewrite"};
  options.dry_run = flags.dry_run;
  options.writer = TRY(context.writer_options());
  options.is_stopped = [&context] { return context.is_stopped(); };
  return options;
}

void print_one(const Context& context, const StoredSnapshot& old, const RewriteResult& result) {
  const Subtree& removed = result.removed;
  if (context.globals.json) {
    Json message{{"message_type", "changed"}, {"old_snapshot_id", old.id.hex()}};
    if (result.snapshot) message["new_snapshot_id"] = result.snapshot->hex();
    message.update(Json{{"files_removed", removed.files},
                        {"dirs_removed", removed.dirs},
                        {"bytes_removed", removed.content_bytes}});
    context.print_json(message);
    return;
  }
  context.say(fmt::format("snapshot {} of {}: {} files and {} folders ({}) {}", old.id.short_hex(),
                          format_time(old.snapshot.time), removed.files, removed.dirs,
                          format_bytes(removed.content_bytes),
                          result.snapshot ? "left out of " + result.snapshot->short_hex()
                                          : std::string("would be left out")));
}

void print_summary(const Context& context, std::size_t changed, const Subtree& removed,
                   const RewriteFlags& flags) {
  if (context.globals.json) {
    Json message{{"message_type", "summary"}};
    if (flags.dry_run) message["dry_run"] = true;
    message.update(Json{{"changed_snapshots", changed},
                        {"files_removed", removed.files},
                        {"dirs_removed", removed.dirs},
                        {"bytes_removed", removed.content_bytes}});
    context.print_json(message);
    return;
  }
  if (changed == 0) return context.say("nothing matched: no snapshot was changed");
  context.say(fmt::format("{} {} snapshots", flags.dry_run ? "would rewrite" : "rewrote", changed));
  if (flags.dry_run || removed.files + removed.dirs == 0) return;
  context.say(fmt::format(
      "What was left out is gone from the repository only after the old snapshots {}, their "
      "undelete window is over, and prune has run twice.",
      flags.forget ? "were forgotten, as they are now" : "are forgotten"));
}

Result<void> run_rewrite(Context& context, const RewriteFlags& flags) {
  const RewriteOptions options = TRY(options_of(context, flags));
  const auto repository = TRY(context.open_repository());
  const SnapshotList list = TRY(list_snapshots(*repository));
  for (const std::string& damaged : list.damaged) context.warn(damaged);
  const auto chosen = TRY(flags.filter.choose(list, flags.wanted));
  LocalIndex index = TRY(context.load_index(*repository));

  RewriteProgress progress(context);
  progress.progress.files_total = chosen.size();
  std::size_t changed = 0;
  Subtree removed;
  for (const StoredSnapshot& stored : chosen) {
    const auto result = TRY_IN("snapshot " + stored.id.short_hex(),
                               rewrite(*repository, index, stored, options, progress));
    ++progress.progress.files_done;
    if (!result.is_changed) continue;
    if (flags.forget && result.snapshot)
      TRY(forget(*repository, {stored.id}, "replaced by " + result.snapshot->hex()));
    ++changed;
    removed.files += result.removed.files;
    removed.dirs += result.removed.dirs;
    removed.content_bytes += result.removed.content_bytes;
    progress.interrupt([&] { print_one(context, stored, result); });
  }
  progress.finish();
  print_summary(context, changed, removed, flags);
  return {};
}

}  // namespace

void add_rewrite(CLI::App& app, Context& context) {
  auto flags = std::make_shared<RewriteFlags>();
  CLI::App* command = app.add_subcommand("rewrite", "take files out of snapshots");
  command->add_option("snapshot", flags->wanted, "these; without any, all that match");
  const auto add_patterns = [&](const char* name, std::vector<std::string>& into, const char* text,
                                const char* type) {
    command->add_option(name, into, text)->type_name(type)->allow_extra_args(false);
  };
  add_patterns("-e,--exclude", flags->excludes.excludes, "leave out what matches PATTERN",
               "PATTERN");
  add_patterns("--iexclude", flags->excludes.excludes_ignoring_case,
               "the same, upper and lower case alike", "PATTERN");
  add_patterns("--exclude-file", flags->excludes.exclude_files, "file of patterns, one a line",
               "FILE");
  add_patterns("--iexclude-file", flags->excludes.exclude_files_ignoring_case,
               "the same, upper and lower case alike", "FILE");
  add_patterns("-i,--include", flags->includes, "leave out all but what matches PATTERN",
               "PATTERN");
  add_patterns("--iinclude", flags->includes_ignoring_case, "the same, upper and lower case alike",
               "PATTERN");
  command->add_option("--new-host", flags->new_host, "give the new snapshots this host name");
  command->add_option("--new-time", flags->new_time,
                      "give the new snapshots this time, \"2006-01-02 15:04:05\"");
  command->add_flag("--forget", flags->forget,
                    "forget the old snapshots; without it the new ones get the tag `rewrite`");
  command->add_flag("-n,--dry-run", flags->dry_run, "change nothing, only say what would go");
  flags->filter.add_to(*command);
  command->callback([&context, flags] {
    context.run = [&context, flags] {
      const auto done = run_rewrite(context, *flags);
      return done ? kOk : context.fail_with(done.error());
    };
  });
}

}  // namespace lagan::cli
