// SPDX-License-Identifier: Apache-2.0
#include "src/engine/replicate.h"

#include <fmt/format.h>

#include "src/cli/context.h"
#include "src/cli/progress_line.h"
#include "storage/open.h"

namespace lagan::cli {
namespace {

struct ReplicateFlags {
  std::string mirror;
  bool remove_gone = false, dry_run = false;
};

void print_summary(const Context& context, const ReplicateResult& result, bool dry_run,
                   double seconds) {
  if (context.globals.json) {
    Json message{{"message_type", "summary"}};
    if (dry_run) message["dry_run"] = true;
    message.update(Json{{"objects_copied", result.copied},
                        {"objects_skipped", result.already_there},
                        {"objects_removed", result.removed},
                        {"objects_failed", result.damaged},
                        {"bytes_copied", result.bytes},
                        {"snapshots", result.snapshots},
                        {"total_duration", seconds}});
    context.print_json(message);
  } else {
    context.say(fmt::format(
        "{} {} objects, {}; {} were there already{} ({:.1f} s)", dry_run ? "would copy" : "copied",
        result.copied, format_bytes(result.bytes), result.already_there,
        result.removed == 0
            ? std::string()
            : fmt::format("; {} {}", dry_run ? "would delete" : "deleted", result.removed),
        seconds));
    if (!dry_run) context.say(fmt::format("the mirror has {} snapshots", result.snapshots));
  }
}

Result<int> run_replicate(Context& context, const ReplicateFlags& flags) {
  Context of_mirror = context;
  of_mirror.globals.repository = flags.mirror;
  const auto source = TRY(context.open_location());
  const auto mirror = TRY_IN("mirror", of_mirror.open_location());
  if (source->description() == mirror->description() ||
      overlap(TRY(context.location()), flags.mirror)) {
    return fail(ErrorCode::invalid_argument,
                "the mirror is this repository itself, or one is in the other: name another place");
  }
  ReplicateOptions options;
  options.remove_gone = flags.remove_gone;
  options.dry_run = flags.dry_run;
  options.is_stopped = [&context] { return context.is_stopped(); };
  ProgressLine progress(context, "replicate");
  const auto result = replicate(*source, *mirror, options, progress);
  progress.finish();
  if (!result) return fail(result.error());
  print_summary(context, *result, flags.dry_run, progress.seconds());
  return result->damaged == 0 ? kOk : kPartial;
}

}  // namespace

void add_replicate(CLI::App& app, Context& context) {
  auto flags = std::make_shared<ReplicateFlags>();
  CLI::App* command = app.add_subcommand(
      "replicate", "mirror this repository to another place, without a password");
  command->add_option("MIRROR", flags->mirror, "location of the mirror, made if it is missing")
      ->required();
  command->add_flag("--delete", flags->remove_gone,
                    "delete from the mirror what is gone from this repository");
  command->add_flag("-n,--dry-run", flags->dry_run, "only say what would be copied and deleted");
  command->callback([&context, flags] {
    context.run = [&context, flags] {
      const auto code = run_replicate(context, *flags);
      return code ? *code : context.fail_with(code.error());
    };
  });
}

}  // namespace lagan::cli
