// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "src/cli/show.h"
#include "src/cli/snapshot_json.h"
#include "src/engine/forget.h"
#include "src/engine/tree_repair.h"

namespace lagan::cli {
namespace {

struct UndeleteFlags {
  std::vector<std::string> wanted;
  bool all = false;
};

Result<int> run_undelete(Context& context, const UndeleteFlags& flags) {
  if (flags.all && !flags.wanted.empty())
    return fail(ErrorCode::invalid_argument, "name snapshots or --all, not both");
  const auto repository = TRY(context.open_repository());
  const SnapshotList list = TRY(list_forgotten(*repository));
  for (const std::string& damaged : list.damaged) context.warn(damaged);
  if (!flags.all && flags.wanted.empty()) {
    if (context.globals.json) {
      Json all = Json::array();
      for (const StoredSnapshot& stored : list.snapshots) all.push_back(to_json(stored));
      context.print_json(all);
    }
    for (const StoredSnapshot& stored : list.snapshots) {
      show(context,
           fmt::format("{}  {}  {}  {}", stored.id.short_hex(), format_time(stored.snapshot.time),
                       stored.snapshot.host, fmt::join(stored.snapshot.paths, ", ")));
    }
    show(context, fmt::format("{} snapshots can be brought back: name them, or say --all",
                              list.snapshots.size()));
    return kOk;
  }
  const std::vector<StoredSnapshot> chosen =
      flags.all ? list.snapshots : TRY(find_snapshots(list, flags.wanted, {}));
  std::size_t back = 0;
  for (const StoredSnapshot& stored : chosen) {
    const auto id = store_again(*repository, stored, stored.snapshot, Purpose::undelete);
    if (!id && flags.all && is_loss(id.error())) {
      // One that was replaced because parts of it are lost is no reason to keep the others back.
      context.warn(
          fmt::format("{} cannot be brought back: {}", stored.id.short_hex(), id.error().message));
      continue;
    }
    if (!id) return fail(id.error());
    ++back;
    context.say(fmt::format("{} is back as {}", stored.id.short_hex(), id->short_hex()));
    if (context.globals.json) context.print_json(changed_json(stored.id, *id));
  }
  if (chosen.empty()) context.say("there is nothing to bring back");
  if (context.globals.json)
    context.print_json({{"message_type", "summary"}, {"changed_snapshots", back}});
  return back == chosen.size() ? kOk : kFailed;
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
      const auto code = run_undelete(context, *flags);
      return code ? *code : context.fail_with(code.error());
    };
  });
}

}  // namespace lagan::cli
