// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "src/cli/snapshot_json.h"
#include "src/engine/forget.h"

namespace lagan::cli {
namespace {

struct TagFlags {
  std::vector<std::string> wanted, add, remove, set;
  SnapshotFlags filter;
};

std::vector<std::string> tags_of(const std::vector<std::string>& lists) {
  std::vector<std::string> tags;
  for (const std::string& list : lists) {
    for (std::string& tag : split_list(list)) {
      if (!tag.empty()) tags.push_back(std::move(tag));
    }
  }
  return tags;
}

std::vector<std::string> changed(std::vector<std::string> tags, const TagFlags& flags) {
  if (!flags.set.empty()) tags = tags_of(flags.set);
  for (std::string& tag : tags_of(flags.add)) {
    if (std::ranges::find(tags, tag) == tags.end()) tags.push_back(std::move(tag));
  }
  for (const std::string& tag : tags_of(flags.remove)) std::erase(tags, tag);
  return tags;
}

// A snapshot is never changed: a new one takes its place, and the old one is forgotten.
Result<void> run_tag(Context& context, const TagFlags& flags) {
  if (flags.add.empty() && flags.remove.empty() && flags.set.empty())
    return fail(ErrorCode::invalid_argument, "say --add, --remove or --set with `tag,tag`");
  if (!flags.set.empty() && !(flags.add.empty() && flags.remove.empty()))
    return fail(ErrorCode::invalid_argument, "--set cannot be used with --add or --remove");
  const auto repository = TRY(context.open_repository());
  const SnapshotList list = TRY(list_snapshots(*repository));
  for (const std::string& damaged : list.damaged) context.warn(damaged);
  const auto chosen = TRY(flags.filter.choose(list, flags.wanted));
  std::size_t count = 0;
  for (const StoredSnapshot& stored : chosen) {
    Snapshot snapshot = stored.snapshot;
    snapshot.tags = changed(snapshot.tags, flags);
    if (snapshot.tags == stored.snapshot.tags) continue;
    const SnapshotId id =
        TRY(store_again(*repository, stored, std::move(snapshot), Purpose::rewrite));
    TRY(forget(*repository, {stored.id}, "replaced by " + id.hex()));
    ++count;
    if (context.globals.json) context.print_json(changed_json(stored.id, id));
  }
  if (context.globals.json) {
    context.print_json({{"message_type", "summary"}, {"changed_snapshots", count}});
  } else {
    context.say(fmt::format("changed the tags of {} snapshots", count));
  }
  return {};
}

}  // namespace

void add_tag(CLI::App& app, Context& context) {
  auto flags = std::make_shared<TagFlags>();
  CLI::App* command = app.add_subcommand("tag", "change the tags of snapshots");
  command->add_option("snapshot", flags->wanted, "these; without any, all that match");
  command->add_option("--add", flags->add, "add `tag,tag`")->allow_extra_args(false);
  command->add_option("--remove", flags->remove, "remove `tag,tag`")->allow_extra_args(false);
  command->add_option("--set", flags->set, "replace all tags by `tag,tag`")
      ->allow_extra_args(false);
  flags->filter.add_to(*command);
  command->callback([&context, flags] {
    context.run = [&context, flags] {
      const auto done = run_tag(context, *flags);
      return done ? kOk : context.fail_with(done.error());
    };
  });
}

}  // namespace lagan::cli
