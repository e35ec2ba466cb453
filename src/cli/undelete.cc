// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <optional>
#include <set>
#include <string>
#include <tuple>

#include "src/cli/context.h"
#include "src/engine/forget.h"

namespace lagan::cli {
namespace {

struct UndeleteFlags {
  std::vector<std::string> wanted;
  bool all = false;
};

// What was forgotten and not brought back yet.
Result<SnapshotList> list_forgotten(const Repository& repository) {
  SnapshotList list = TRY(list_snapshots(repository, Which::all));
  // With their trees: what took a snapshot's place after `rewrite` does not bring it back.
  const auto described = [](const SnapshotId& original, const Snapshot& snapshot) {
    return std::tuple(original, snapshot.root.id, snapshot.host, snapshot.time);
  };
  std::set<std::tuple<SnapshotId, std::optional<ChunkId>, std::string, Nanoseconds>> back;
  for (const StoredSnapshot& stored : list.snapshots) {
    if (!stored.forgotten && stored.snapshot.original)
      back.insert(described(*stored.snapshot.original, stored.snapshot));
  }
  std::erase_if(list.snapshots, [&](const StoredSnapshot& stored) {
    return !stored.forgotten || back.contains(described(stored.id, stored.snapshot)) ||
           (stored.snapshot.original &&
            back.contains(described(*stored.snapshot.original, stored.snapshot)));
  });
  return list;
}

Result<void> run_undelete(Context& context, const UndeleteFlags& flags) {
  if (flags.all && !flags.wanted.empty())
    return fail(ErrorCode::invalid_argument, "name snapshots or --all, not both");
  const auto repository = TRY(context.open_repository());
  const SnapshotList list = TRY(list_forgotten(*repository));
  if (!flags.all && flags.wanted.empty()) {
    for (const StoredSnapshot& stored : list.snapshots) {
      context.say(fmt::format("{}  {}  {}  {}", stored.id.short_hex(),
                              format_time(stored.snapshot.time), stored.snapshot.host,
                              fmt::join(stored.snapshot.paths, ", ")));
    }
    context.say(fmt::format("{} snapshots can be brought back: name them, or say --all",
                            list.snapshots.size()));
    return {};
  }
  std::vector<StoredSnapshot> chosen = list.snapshots;
  if (!flags.all) {
    chosen.clear();
    for (const std::string& wanted : flags.wanted)
      chosen.push_back(TRY(find_snapshot(list, wanted, {})));
  }
  for (const StoredSnapshot& stored : chosen) {
    const SnapshotId id = TRY(store_again(*repository, stored, stored.snapshot, Purpose::undelete));
    context.say(fmt::format("{} is back as {}", stored.id.short_hex(), id.short_hex()));
  }
  return {};
}

}  // namespace

void add_undelete(CLI::App& app, Context& context) {
  auto flags = std::make_shared<UndeleteFlags>();
  CLI::App* command = app.add_subcommand(
      "undelete", "bring forgotten snapshots back; without arguments, list them");
  command->add_option("snapshot", flags->wanted, "the beginning of the id of a forgotten snapshot");
  command->add_flag("--all", flags->all, "all that can be brought back");
  command->callback([&context, flags] {
    context.run = [&context, flags] {
      const auto done = run_undelete(context, *flags);
      return done ? kOk : context.fail_with(done.error());
    };
  });
}

}  // namespace lagan::cli
