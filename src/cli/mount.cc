// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <optional>

#include "mount/cache_sizes.h"
#include "mount/daemon.h"
#include "mount/follower.h"
#include "mount/mount_source.h"
#include "mount/mount_tree.h"
#include "mount/mountpoint.h"
#include "mount/session.h"
#include "repo/derived_keys.h"
#include "repo/tree.h"
#include "src/cli/context.h"
#include "src/cli/mount_commands.h"
#include "src/cli/snapshot_browser.h"
#include "src/engine/tree_path.h"
#include "util/duration.h"

namespace lagan::cli {
namespace {

struct MountFlags {
  std::string mountpoint, snapshot;
  bool daemon = false, allow_other = false, no_default_permissions = false, owner_root = false;
  bool own_xattrs = false, gmt_names = false;
  std::vector<std::string> path_templates;
  std::string time_template;
  std::string oldest, newest;
  std::string cache_memory = "256M", cache_disk, refresh = "5s";
  SnapshotFlags filter;
};

Result<MountSourceOptions> source_options(const MountFlags& flags, const std::string& snapshot,
                                          const CacheSizes& sizes) {
  MountSourceOptions options;
  options.block_cache_bytes = sizes.blocks;
  options.filter = flags.filter.filter();
  options.snapshot = snapshot;
  if (!flags.oldest.empty()) options.oldest = TRY_IN("--oldest", parse_time(flags.oldest));
  if (!flags.newest.empty()) options.newest = TRY_IN("--newest", parse_time(flags.newest));
  return options;
}

Result<MountTreeOptions> tree_options(const MountFlags& flags, const Repository& repository,
                                      const CacheSizes& sizes) {
  MountTreeOptions options;
  if (!flags.path_templates.empty()) options.layout.path_templates = flags.path_templates;
  if (!flags.time_template.empty())
    options.layout.time_template = from_go_layout(flags.time_template);
  options.layout.gmt_names = flags.gmt_names;
  options.content_cache_bytes = sizes.chunks;
  options.owner_root = flags.owner_root;
  options.own_xattrs = flags.own_xattrs;
  options.uid = ::getuid();
  options.gid = ::getgid();
  const std::size_t gets = repository.storage().capabilities().parallel_gets;
  options.prefetch_threads = std::clamp<std::size_t>(gets == 0 ? 2 : gets, 2, 16);
  options.key = split_key(repository);
  return options;
}

// Makes a folder of a snapshot its root.
Result<void> enter(std::vector<StoredSnapshot>& snapshots, const ChunkSource& trees,
                   const std::string& path) {
  if (path.empty()) return {};
  for (StoredSnapshot& stored : snapshots) {
    const Entry entry = TRY(entry_at(trees, stored.snapshot, path));
    if (entry.kind != EntryKind::directory)
      return fail(ErrorCode::invalid_argument, fmt::format("{} is not a folder", path));
    stored.snapshot.root = entry.subtree;
  }
  return {};
}

Result<int> run_mount(Context& context, const MountFlags& flags) {
  // Whoever reads a file must not wait for as long as a backup may.
  if (context.globals.retry_time == Globals().retry_time) context.globals.retry_time = "1m";
  if (!flags.cache_disk.empty())
    context.globals.storage_options.push_back("cache.size=" + flags.cache_disk);
  const auto [snapshot, path] = split_snapshot_path(flags.snapshot);
  MountpointRules rules;
  rules.allow_other = flags.allow_other;
  const auto own = context.own_folders();
  if (!own.empty()) rules.repository = own.front().path;
  const std::string mountpoint = TRY(prepare_mountpoint(flags.mountpoint, rules));
  std::optional<Daemon> daemon;
  if (flags.daemon) daemon = TRY(Daemon::split());
  use_memory_sparingly();
  // The terminal may go; the mount stays.
  ::signal(SIGHUP, SIG_IGN);

  const auto repository = TRY(context.open_repository());
  const CacheSizes sizes = split_cache(TRY_IN("--cache-memory", parse_size(flags.cache_memory)));
  MountSource source(*repository, TRY(source_options(flags, snapshot, sizes)));
  auto look = TRY(source.look());
  for (const std::string& damaged : look->damaged) context.warn(damaged);
  MountTreeOptions options = TRY(tree_options(flags, *repository, sizes));
  options.is_single = !snapshot.empty();
  options.folder = clean_path(path);
  TRY(enter(look->snapshots, source.trees(), options.folder));
  const std::size_t count = look->snapshots.size();
  MountTree tree(source.trees(), source.content(), options);
  for (const std::string& damaged : look->damaged) tree.note(damaged);
  tree.set_snapshots(std::move(look->snapshots));

  const auto session = TRY(Session::mount(
      tree, {.mountpoint = mountpoint,
             .source = repository->storage().description(),
             .allow_other = flags.allow_other,
             .checks_permissions = flags.allow_other && !flags.no_default_permissions}));
  std::optional<Follower> follower;
  if (snapshot.empty()) {
    const Nanoseconds interval = TRY_IN("--refresh", parse_duration(flags.refresh));
    follower.emplace(source, tree,
                     std::chrono::duration_cast<std::chrono::milliseconds>(
                         std::chrono::nanoseconds(std::max<Nanoseconds>(interval, 100'000'000))));
  }
  if (context.globals.json) {
    context.print_json(
        {{"message_type", "mounted"}, {"mountpoint", mountpoint}, {"snapshots", count}});
  } else {
    context.say(fmt::format("{} {} mounted at {}; unmount with {}", count,
                            count == 1 ? "snapshot is" : "snapshots are", mountpoint,
                            daemon ? fmt::format("'lagan umount {}'", mountpoint) : "Ctrl-C"));
  }
  std::fflush(stdout);
  if (daemon) TRY(daemon->detach());
  TRY(session->serve(context.interruption()));
  return kOk;
}

}  // namespace

void add_mount(CLI::App& app, Context& context) {
  auto flags = std::make_shared<MountFlags>();
  CLI::App* command = app.add_subcommand("mount", "show snapshots as folders, read only");
  command->add_option("mountpoint", flags->mountpoint, "an empty folder")
      ->type_name("MOUNTPOINT")
      ->required();
  command->add_option("snapshot", flags->snapshot,
                      "only this one: `latest`, an id or its beginning, with :PATH only what is "
                      "below PATH");
  command->add_flag("-d,--daemon", flags->daemon, "go on in the background");
  command->add_flag("--allow-other", flags->allow_other,
                    "other users may look too, as far as modes and ACLs let them");
  command->add_flag("--no-default-permissions", flags->no_default_permissions,
                    "with --allow-other: everybody may read everything");
  command->add_flag("--owner-root", flags->owner_root, "all files belong to root");
  command
      ->add_option("--path-template", flags->path_templates,
                   "where snapshots show: %i id, %I whole id, %u user, %h host, %t tag, %T time "
                   "(may be repeated)")
      ->type_name("TEMPLATE")
      ->allow_extra_args(false);
  command
      ->add_option("--time-template", flags->time_template,
                   "how %T is written, as strftime has it; %:z is +01:00")
      ->type_name("TEMPLATE");
  command->add_flag("--gmt-names", flags->gmt_names,
                    "also @GMT-2026.11.20-14.00.03, for Samba's Previous Versions");
  command->add_flag("--own-xattrs", flags->own_xattrs,
                    "tell where all is from in user.lagan.snapshot, .path, .content and others");
  command->add_option("--oldest", flags->oldest, "only snapshots of this time or later")
      ->type_name("TIME");
  command->add_option("--newest", flags->newest, "only snapshots of this time or earlier")
      ->type_name("TIME");
  command->add_option("--cache-memory", flags->cache_memory, "for what was read, in memory")
      ->type_name("SIZE");
  command
      ->add_option("--cache-disk", flags->cache_disk,
                   "and in the cache folder, encrypted: for repositories behind a network")
      ->type_name("SIZE");
  command->add_option("--refresh", flags->refresh, "how often to look for new snapshots")
      ->type_name("DURATION");
  flags->filter.add_to(*command);
  command->callback([&context, flags] {
    context.run = [&context, flags] {
      const auto code = run_mount(context, *flags);
      return code ? *code : context.fail_with(code.error());
    };
  });
}

}  // namespace lagan::cli
