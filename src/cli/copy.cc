// SPDX-License-Identifier: Apache-2.0
#include "src/engine/copy.h"

#include <fmt/format.h>

#include "repo/machine.h"
#include "src/cli/progress_line.h"
#include "src/cli/source_repository.h"

namespace lagan::cli {
namespace {

struct CopyFlags {
  std::vector<std::string> wanted;
  SnapshotFlags filter;
  SourceFlags source;
  bool dry_run = false;
};

void print_one(const Context& context, const StoredSnapshot& source, CopyOutcome outcome,
               const std::optional<SnapshotId>& there, bool dry_run) {
  static constexpr const char* kTypes[] = {"copied", "skipped", "failed"};
  if (context.globals.json) {
    Json message{{"message_type", kTypes[static_cast<std::size_t>(outcome)]},
                 {"source_snapshot_id", source.id.hex()}};
    if (there) message["snapshot_id"] = there->hex();
    context.print_json(message);
    return;
  }
  const std::string what =
      fmt::format("snapshot {} of {}", source.id.short_hex(), format_time(source.snapshot.time));
  if (outcome == CopyOutcome::already_there) {
    if (context.globals.verbose != 0)
      context.say(fmt::format("{}: is there as {}", what, there->short_hex()));
  } else if (outcome == CopyOutcome::copied) {
    context.say(there     ? fmt::format("{}: copied as {}", what, there->short_hex())
                : dry_run ? fmt::format("{}: would be copied", what)
                          : what);
  }
}

void print_summary(const Context& context, const CopyResult& result, bool dry_run, double seconds) {
  if (context.globals.json) {
    Json message{{"message_type", "summary"}};
    if (dry_run) message["dry_run"] = true;
    message.update(Json{{"snapshots_copied", result.copied},
                        {"snapshots_skipped", result.already_there},
                        {"snapshots_failed", result.unreadable},
                        {"data_blobs", result.data_chunks},
                        {"tree_blobs", result.tree_chunks},
                        {"bytes_copied", result.bytes},
                        {"data_added_packed", result.stored_bytes},
                        {"total_duration", seconds}});
    context.print_json(message);
  } else {
    context.say(dry_run
                    ? fmt::format("would copy {} snapshots, {} are there already: {}",
                                  result.copied, result.already_there, format_bytes(result.bytes))
                    : fmt::format("copied {} snapshots, {} were there already: {} ({} stored) "
                                  "in {:.1f} s",
                                  result.copied, result.already_there, format_bytes(result.bytes),
                                  format_bytes(result.stored_bytes), seconds));
    if (!result.are_siblings && result.copied != 0) {
      context.say(
          "The two repositories cut files differently: what was copied is not recognised by a "
          "later backup.\nA repository made with 'lagan init --from-repo ... "
          "--copy-chunker-params' would share it.");
    }
  }
  if (result.unreadable != 0) {
    context.warn(
        fmt::format("{} snapshots of the source could not be read (see above): 'lagan check "
                    "--read-data' there says what to repair",
                    result.unreadable));
  }
}

Result<int> run_copy(Context& context, const CopyFlags& flags) {
  CopyOptions options;
  options.host = host_name();
  options.dry_run = flags.dry_run;
  options.writer = TRY(context.writer_options());
  options.is_stopped = [&context] { return context.is_stopped(); };
  Context of_source = flags.source.context_of_source(context);
  const auto source = TRY_IN("source", of_source.open_repository());
  const auto repository = TRY(context.open_repository());
  const SnapshotList list = TRY(list_snapshots(*source));
  for (const std::string& damaged : list.damaged) context.warn("source: " + damaged);
  const auto chosen = TRY_IN("source", flags.filter.choose(list, flags.wanted));

  ProgressLine progress(context, "copy");
  const auto result = copy_snapshots(
      *source, *repository, chosen, options, progress,
      [&](const StoredSnapshot& stored, CopyOutcome outcome,
          const std::optional<SnapshotId>& there) {
        progress.interrupt([&] { print_one(context, stored, outcome, there, flags.dry_run); });
      });
  progress.finish();
  if (!result) return fail(result.error());
  print_summary(context, *result, flags.dry_run, progress.seconds());
  return result->unreadable == 0 && list.damaged.empty() ? kOk : kPartial;
}

}  // namespace

void add_copy(CLI::App& app, Context& context) {
  auto flags = std::make_shared<CopyFlags>();
  CLI::App* command =
      app.add_subcommand("copy", "copy snapshots from another repository into this one");
  command->add_option("snapshot", flags->wanted,
                      "these of the source; without any, all that match");
  flags->source.add_to(*command);
  command->add_flag("-n,--dry-run", flags->dry_run, "copy nothing, only say what would be copied");
  flags->filter.add_to(*command);
  command->callback([&context, flags] {
    context.run = [&context, flags] {
      const auto code = run_copy(context, *flags);
      return code ? *code : context.fail_with(code.error());
    };
  });
}

}  // namespace lagan::cli
