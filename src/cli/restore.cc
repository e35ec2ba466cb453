// SPDX-License-Identifier: Apache-2.0
#include "src/engine/restore.h"

#include <fmt/format.h>

#include <algorithm>

#include "src/cli/pattern_flags.h"
#include "src/cli/progress_line.h"
#include "src/cli/restore_device.h"

namespace lagan::cli {
namespace {

struct RestoreFlags {
  std::string snapshot, target, destination;
  SnapshotFlags filter;
  PatternFlags includes, excludes;
  std::vector<std::string> xattr_includes, xattr_excludes;
  std::string overwrite = "always";
  std::vector<std::string> required;
  bool delete_extra = false, verify = false, sparse = false, dry_run = false, force = false;
  bool owner_by_name = false, no_ownership = false;
};

Json losses_json(const std::vector<Loss>& losses) {
  Json list = Json::array();
  for (const Loss& loss : losses) {
    Json paths = Json::array();
    for (const std::string& path : loss.examples) {
      Json example = Json::object();
      put_text(example, "path", path);
      paths.push_back(std::move(example));
    }
    list.push_back({{"trait", trait_name(loss.trait)},
                    {"entries", loss.entries},
                    {"examples", std::move(paths)}});
  }
  return list;
}

// What the target could not represent. Birth times it never can: they are told to who asks for
// more.
void print_losses(const Context& context, const std::vector<Loss>& losses) {
  for (const Loss& loss : losses) {
    if (loss.trait == Trait::btime) {
      if (context.globals.verbose > 0)
        context.say(
            fmt::format("birth times of {} entries are in the snapshot only: no system sets "
                        "them",
                        loss.entries));
      continue;
    }
    std::string examples;
    for (const std::string& path : loss.examples) examples += " " + path;
    context.warn(fmt::format("{} of {} entries could not be represented here:{}{}",
                             trait_words(loss.trait), loss.entries, examples,
                             loss.entries > loss.examples.size() ? " ..." : ""));
  }
}

void print_summary(const Context& context, const RestoreResult& result, bool dry_run,
                   double seconds) {
  const std::uint64_t total = result.files + result.folders + result.others;
  const std::uint64_t skipped = result.unchanged;
  if (context.globals.json) {
    context.print_json({{"message_type", "summary"},
                        {"seconds_elapsed", static_cast<std::uint64_t>(seconds)},
                        {"total_files", total},
                        {"files_restored", total - std::min(total, result.errors + skipped)},
                        {"files_skipped", skipped},
                        {"files_deleted", result.deleted},
                        {"total_bytes", result.total_bytes},
                        {"bytes_restored", result.bytes},
                        {"bytes_skipped", result.bytes_kept},
                        {"not_represented", losses_json(result.losses)}});
  } else {
    std::string line =
        fmt::format("{} {} files, {} folders, {} links and others: {} in {:.1f} s",
                    dry_run ? "would restore" : "restored", result.files, result.folders,
                    result.others, format_bytes(result.bytes), seconds);
    if (skipped != 0)
      line += fmt::format("; {} of them were left as they are ({})", skipped,
                          format_bytes(result.bytes_kept));
    if (result.deleted != 0)
      line += fmt::format("; {} {}", dry_run ? "would delete" : "deleted", result.deleted);
    context.say(line);
    print_losses(context, result.losses);
  }
  if (result.errors != 0)
    context.warn(fmt::format("{} errors: not everything was restored (see above)", result.errors));
}

Result<std::vector<Trait>> parse_traits(const std::vector<std::string>& lists) {
  std::vector<Trait> traits;
  for (const std::string& list : lists) {
    for (const std::string& name : split_list(list)) {
      const auto trait = parse_trait(name);
      if (!trait) {
        std::string known;
        for (std::size_t i = 0; i < kTraits; ++i)
          known += (i == 0 ? "" : ", ") + std::string(trait_name(static_cast<Trait>(i)));
        return fail(ErrorCode::invalid_argument,
                    fmt::format("--require knows no '{}', only {}", name, known));
      }
      traits.push_back(*trait);
    }
  }
  return traits;
}

Result<std::vector<PatternRule>> xattr_rules(const std::vector<std::string>& texts,
                                             const char* flag) {
  std::vector<PatternFlag> flags;
  for (const std::string& text : texts) flags.push_back({text, false, false});
  return read_pattern_flags(flags, flag);
}

Result<RestoreOptions> options_of(const Context& context, const RestoreFlags& flags) {
  RestoreOptions options;
  options.target = !flags.target.empty() ? flags.target : flags.destination;
  if (options.target.empty())
    return fail(ErrorCode::invalid_argument, "say where to: --target FOLDER");
  options.filter.includes = TRY(flags.includes.rules());
  options.filter.excludes = TRY(flags.excludes.rules());
  if (!options.filter.includes.empty() && !options.filter.excludes.empty())
    return fail(ErrorCode::invalid_argument, "--include and --exclude cannot be used together");
  options.xattrs.includes = TRY(xattr_rules(flags.xattr_includes, "include-xattr"));
  options.xattrs.excludes = TRY(xattr_rules(flags.xattr_excludes, "exclude-xattr"));
  if (!options.xattrs.includes.empty() && !options.xattrs.excludes.empty())
    return fail(ErrorCode::invalid_argument,
                "--include-xattr and --exclude-xattr cannot be used together");
  const auto overwrite = parse_overwrite(flags.overwrite);
  if (!overwrite) {
    return fail(ErrorCode::invalid_argument,
                "--overwrite is always, if-changed, if-newer or never");
  }
  options.overwrite = *overwrite;
  options.required = TRY(parse_traits(flags.required));
  options.delete_extra = flags.delete_extra;
  options.own_folders = context.own_folders();
  options.verify = flags.verify;
  options.sparse = flags.sparse;
  options.dry_run = flags.dry_run;
  options.sync = true;
  options.force = flags.force;
  options.owner_by_name = flags.owner_by_name;
  options.keeps_owner = flags.no_ownership;
  options.is_stopped = [&context] { return context.is_stopped(); };
  return options;
}

Result<int> run_restore(Context& context, const RestoreFlags& flags) {
  if (!flags.target.empty() && !flags.destination.empty())
    return fail(ErrorCode::invalid_argument,
                fmt::format("where to, {} or {}? Name one", flags.destination, flags.target));
  const std::string& target = !flags.target.empty() ? flags.target : flags.destination;
  if (is_block_device(target)) {
    const bool chooses = !TRY(flags.includes.rules()).empty() ||
                         !TRY(flags.excludes.rules()).empty() || !flags.required.empty() ||
                         !flags.xattr_includes.empty() || !flags.xattr_excludes.empty();
    if (chooses || flags.delete_extra || flags.sparse || flags.force || flags.owner_by_name ||
        flags.no_ownership || flags.overwrite != RestoreFlags().overwrite) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("{} is a device: of the flags of restore only --dry-run and --verify "
                              "are for one",
                              target));
    }
    return restore_to_device(context, {.snapshot = flags.snapshot,
                                       .filter = flags.filter.filter(),
                                       .device = target,
                                       .dry_run = flags.dry_run,
                                       .verify = flags.verify});
  }
  RestoreOptions options = TRY(options_of(context, flags));
  const auto [wanted, path] = split_snapshot_path(flags.snapshot);
  options.path_in_snapshot = path;
  const auto repository = TRY(context.open_repository());
  const SnapshotList list = TRY(list_snapshots(*repository));
  const StoredSnapshot stored = TRY(find_snapshot(list, wanted, flags.filter.filter()));
  if (!stored.verified)
    context.warn(
        fmt::format("snapshot {} was never verified: parts may be missing", stored.id.short_hex()));
  const LocalIndex index = TRY(context.load_index(*repository));

  ProgressLine progress(context, "restore", 1);
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
  command
      ->add_option("-t,--target", flags->target,
                   "the folder, or for one file the block device, to restore to")
      ->type_name("FOLDER");
  flags->includes.add_to(*command, "-i,--include", "only what matches PATTERN");
  flags->excludes.add_to(*command, "-e,--exclude", "all but what matches PATTERN");
  command
      ->add_option("--include-xattr", flags->xattr_includes,
                   "only extended attributes whose name matches PATTERN, \"user.*\"")
      ->type_name("PATTERN")
      ->allow_extra_args(false);
  command
      ->add_option("--exclude-xattr", flags->xattr_excludes,
                   "all of them but those whose name matches PATTERN")
      ->type_name("PATTERN")
      ->allow_extra_args(false);
  command
      ->add_option("--overwrite", flags->overwrite,
                   "what is there already: `always` (content is compared), `if-changed` (size and "
                   "time are), `if-newer` or `never`")
      ->type_name("WHEN");
  command->add_flag("--delete", flags->delete_extra,
                    "delete what is in the target folder and not in the snapshot");
  command->add_flag("-n,--dry-run", flags->dry_run, "write nothing; -v says what would happen");
  command->add_flag("--verify", flags->verify, "read back what was restored and compare it");
  command->add_flag("--sparse", flags->sparse,
                    "turn zeros into holes; holes are always restored as they were");
  command
      ->add_option("--require", flags->required,
                   "restore nothing unless the target can represent these, such as xattr,acl")
      ->type_name("TRAITS")
      ->allow_extra_args(false);
  command->add_flag("--force", flags->force, "restore though there seems to be too little room");
  auto* by_name = command->add_flag("--ownership-by-name", flags->owner_by_name,
                                    "give files to users and groups by name, not number");
  command->add_flag("--no-ownership", flags->no_ownership, "files belong to whoever restores them")
      ->excludes(by_name);
  flags->filter.add_to(*command);
  command->callback([&context, flags] {
    context.run = [&context, flags] {
      const auto code = run_restore(context, *flags);
      return code ? *code : context.fail_with(code.error());
    };
  });
}

}  // namespace lagan::cli
