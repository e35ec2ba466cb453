// SPDX-License-Identifier: Apache-2.0
#include "src/engine/diff.h"

#include <fmt/format.h>

#include "src/cli/context.h"
#include "src/cli/node_format.h"
#include "src/cli/snapshot_browser.h"

namespace lagan::cli {
namespace {

struct DiffFlags {
  std::string before, after;
  bool metadata = false;
};

Json counts_json(const DiffCounts& counts) {
  return {{"files", counts.files},
          {"dirs", counts.dirs},
          {"others", counts.others},
          {"data_blobs", counts.data_chunks},
          {"tree_blobs", counts.tree_chunks},
          {"bytes", counts.bytes}};
}

void print_statistics(const Context& context, const StoredSnapshot& before,
                      const StoredSnapshot& after, const DiffResult& result) {
  const DiffCounts& added = result.added;
  const DiffCounts& removed = result.removed;
  if (context.globals.json) {
    context.print_json({{"message_type", "statistics"},
                        {"source_snapshot", before.id.hex()},
                        {"target_snapshot", after.id.hex()},
                        {"changed_files", result.changed_files},
                        {"added", counts_json(added)},
                        {"removed", counts_json(removed)}});
    return;
  }
  context.say("");
  context.say(fmt::format("Files:       {:5} new, {:5} removed, {:5} changed", added.files,
                          removed.files, result.changed_files));
  context.say(fmt::format("Dirs:        {:5} new, {:5} removed", added.dirs, removed.dirs));
  context.say(fmt::format("Others:      {:5} new, {:5} removed", added.others, removed.others));
  context.say(
      fmt::format("Data Blobs:  {:5} new, {:5} removed", added.data_chunks, removed.data_chunks));
  context.say(
      fmt::format("Tree Blobs:  {:5} new, {:5} removed", added.tree_chunks, removed.tree_chunks));
  context.say(fmt::format("  Added:   {}", format_bytes(added.bytes)));
  context.say(fmt::format("  Removed: {}", format_bytes(removed.bytes)));
}

Result<int> run_diff(Context& context, const DiffFlags& flags) {
  const auto browser = TRY(SnapshotBrowser::open(context));
  const StoredSnapshot before = TRY(browser->find_folder(flags.before, {})).stored;
  const StoredSnapshot after = TRY(browser->find_folder(flags.after, {})).stored;
  context.say(
      fmt::format("comparing snapshot {} to {}:", before.id.short_hex(), after.id.short_hex()));
  context.say("");
  const DiffVisitor visitor{
      .change = [&](const std::string& path, const std::string& modifier) -> Result<void> {
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
      .trouble = browser->trouble()};
  const DiffResult result = TRY(diff(
      browser->source(), before.snapshot.root, after.snapshot.root,
      {.metadata = flags.metadata, .is_stopped = [&] { return context.is_stopped(); }}, visitor));
  print_statistics(context, before, after, result);
  return browser->exit_code();
}

}  // namespace

void add_diff(CLI::App& app, Context& context) {
  auto flags = std::make_shared<DiffFlags>();
  CLI::App* command = app.add_subcommand("diff", "say what differs between two snapshots");
  command->footer(
      "Before each path: + added, - removed, T another type, M other content, U other attributes,\n"
      "? other content though all attributes say it is the same (a disk that forgets?).");
  command
      ->add_option("before", flags->before,
                   "`latest`, an id or its beginning, with :PATH only what is below PATH")
      ->required();
  command->add_option("after", flags->after, "what to compare it with")->required();
  command->add_flag("--metadata", flags->metadata, "also where only mode, owner or times differ");
  command->callback([&context, flags] {
    context.run = [&context, flags] {
      const auto code = run_diff(context, *flags);
      return code ? *code : context.fail_with(code.error());
    };
  });
}

}  // namespace lagan::cli
