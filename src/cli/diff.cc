// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <unistd.h>

#include "src/cli/context.h"
#include "src/cli/node_format.h"
#include "src/cli/snapshot_browser.h"
#include "src/engine/diff_live.h"
#include "src/engine/walker.h"

namespace lagan::cli {
namespace {

struct DiffFlags {
  std::string before, after;
  bool metadata = false, content = false;
};

Json counts_json(const DiffCounts& counts) {
  return {{"files", counts.files},
          {"dirs", counts.dirs},
          {"others", counts.others},
          {"data_blobs", counts.data_chunks},
          {"tree_blobs", counts.tree_chunks},
          {"bytes", counts.bytes}};
}

void print_counts(const Context& context, const DiffResult& result) {
  const DiffCounts& added = result.added;
  const DiffCounts& removed = result.removed;
  context.say("");
  context.say(fmt::format("Files:       {:5} new, {:5} removed, {:5} changed", added.files,
                          removed.files, result.changed_files));
  context.say(fmt::format("Dirs:        {:5} new, {:5} removed", added.dirs, removed.dirs));
  context.say(fmt::format("Others:      {:5} new, {:5} removed", added.others, removed.others));
}

void print_bytes(const Context& context, const DiffResult& result) {
  context.say(fmt::format("  Added:   {}", format_bytes(result.added.bytes)));
  context.say(fmt::format("  Removed: {}", format_bytes(result.removed.bytes)));
}

Json statistics_json(const StoredSnapshot& before, const DiffResult& result) {
  return {{"message_type", "statistics"},
          {"source_snapshot", before.id.hex()},
          {"changed_files", result.changed_files},
          {"added", counts_json(result.added)},
          {"removed", counts_json(result.removed)}};
}

DiffVisitor visitor_of(const Context& context, SnapshotBrowser& browser) {
  return {
      .change = [&context](const std::string& path, const std::string& modifier) -> Result<void> {
        if (context.globals.json) {
          Json message{{"message_type", "change"}};
          put_text(message, "path", path);
          message["modifier"] = modifier;
          context.print_json(message);
        } else {
          fmt::print("{:<5}{}\n", modifier, printable(path));
        }
        return {};
      },
      .trouble = browser.trouble()};
}

Result<void> compare_snapshots(Context& context, const DiffFlags& flags, SnapshotBrowser& browser) {
  const StoredSnapshot before = TRY(browser.find_folder(flags.before, {})).stored;
  const auto found = browser.find_folder(flags.after, {});
  if (!found && ::access(flags.after.c_str(), F_OK) == 0) {
    return fail(ErrorCode::not_found, fmt::format("{}; for the one on the disk write ./{}",
                                                  found.error().message, flags.after));
  }
  const StoredSnapshot after = TRY(found).stored;
  context.say(
      fmt::format("comparing snapshot {} to {}:", before.id.short_hex(), after.id.short_hex()));
  context.say("");
  const DiffResult result =
      TRY(diff(browser.source(), before.snapshot.root, after.snapshot.root,
               {.metadata = flags.metadata, .is_stopped = [&] { return context.is_stopped(); }},
               visitor_of(context, browser)));
  if (context.globals.json) {
    Json message = statistics_json(before, result);
    message["target_snapshot"] = after.id.hex();
    context.print_json(message);
    return {};
  }
  const DiffCounts& added = result.added;
  const DiffCounts& removed = result.removed;
  print_counts(context, result);
  context.say(
      fmt::format("Data Blobs:  {:5} new, {:5} removed", added.data_chunks, removed.data_chunks));
  context.say(
      fmt::format("Tree Blobs:  {:5} new, {:5} removed", added.tree_chunks, removed.tree_chunks));
  print_bytes(context, result);
  return {};
}

// A snapshot's id has no slash; what comes after its colon may have some.
bool is_path(const std::string& text) {
  return text == "." || text == ".." || text.find('/') < text.find(':');
}

// `ID PATH` means what the snapshot has at PATH, `ID:FOLDER PATH` what it has at FOLDER.
Result<SnapshotBrowser::Place> find_counterpart(const SnapshotBrowser& browser,
                                                const std::string& text, const std::string& path) {
  if (text.find(':') != std::string::npos) return browser.find(text, {});
  auto found = browser.find(text + ":" + path, {});
  if (found || found.error().message.find(path) == std::string::npos) return found;
  return fail(ErrorCode::not_found,
              fmt::format("{}: to compare another folder with it write {}:FOLDER {}",
                          found.error().message, text, path));
}

Result<void> compare_with_live(Context& context, const DiffFlags& flags, SnapshotBrowser& browser) {
  const std::string path = TRY(normalise_target(flags.after));
  const auto place = TRY(find_counterpart(browser, flags.before, path));
  context.say(
      fmt::format("comparing snapshot {} to {}:", place.stored.id.short_hex(), printable(path)));
  context.say("");
  const DiffResult result =
      TRY(diff_live(browser.source(), browser.repository().bundle().keys.id_key, place.entry, path,
                    {.metadata = flags.metadata,
                     .content = flags.content,
                     .is_stopped = [&] { return context.is_stopped(); }},
                    visitor_of(context, browser)));
  if (context.globals.json) {
    Json message = statistics_json(place.stored, result);
    put_text(message, "target_path", path);
    context.print_json(message);
    return {};
  }
  print_counts(context, result);
  print_bytes(context, result);
  return {};
}

Result<int> run_diff(Context& context, const DiffFlags& flags) {
  const bool with_live = is_path(flags.after);
  if (flags.content && !with_live) {
    return fail(ErrorCode::invalid_argument,
                "--content reads files of the disk: name a path to compare with, not a snapshot");
  }
  if (is_path(flags.before)) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' is no snapshot: write lagan diff ID[:PATH] PATH", flags.before));
  }
  const auto browser = TRY(SnapshotBrowser::open(context));
  TRY(with_live ? compare_with_live(context, flags, *browser)
                : compare_snapshots(context, flags, *browser));
  return browser->exit_code();
}

}  // namespace

void add_diff(CLI::App& app, Context& context) {
  auto flags = std::make_shared<DiffFlags>();
  CLI::App* command = app.add_subcommand(
      "diff", "say what differs between two snapshots, or a snapshot and the disk");
  command
      ->add_option("before", flags->before,
                   "`latest`, an id or its beginning, with :PATH only what is below PATH")
      ->type_name("SNAPSHOT")
      ->required();
  command
      ->add_option("after", flags->after,
                   "what to compare it with: a snapshot, or a folder or file of the disk")
      ->required();
  command->add_flag("--metadata", flags->metadata, "also where only mode, owner or times differ");
  command->add_flag("--content", flags->content,
                    "read the files of the disk, also those that look the same");
  command->callback([&context, flags] {
    context.run = [&context, flags] {
      const auto code = run_diff(context, *flags);
      return code ? *code : context.fail_with(code.error());
    };
  });
}

}  // namespace lagan::cli
