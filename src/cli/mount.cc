// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <csignal>
#include <optional>

#include "mount/daemon.h"
#include "mount/mountpoint.h"
#include "mount/session.h"
#include "src/cli/mount_commands.h"
#include "src/cli/shown_tree.h"

namespace lagan::cli {
namespace {

struct MountFlags {
  std::string mountpoint;
  bool daemon = false, allow_other = false, no_default_permissions = false, owner_root = false;
  bool own_xattrs = false, gmt_names = false;
  std::vector<std::string> path_templates;
  std::string time_template;
  std::string cache_disk;
  TreeFlags tree;
};

Result<MountTreeOptions> tree_options(const MountFlags& flags, const Repository& repository) {
  MountTreeOptions options = TRY(flags.tree.tree_options(repository));
  if (!flags.path_templates.empty()) options.layout.path_templates = flags.path_templates;
  if (!flags.time_template.empty())
    options.layout.time_template = from_go_layout(flags.time_template);
  options.layout.gmt_names = flags.gmt_names;
  options.owner_root = flags.owner_root;
  options.own_xattrs = flags.own_xattrs;
  return options;
}

Result<int> run_mount(Context& context, const MountFlags& flags) {
  if (!flags.cache_disk.empty())
    context.globals.storage_options.push_back("cache.size=" + flags.cache_disk);
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
  MountTreeOptions options = TRY(tree_options(flags, *repository));
  const auto shown = TRY(ShownTree::open(context, *repository, flags.tree, std::move(options)));
  const auto session = TRY(Session::mount(
      shown->tree(), {.mountpoint = mountpoint,
                      .source = repository->storage().description(),
                      .allow_other = flags.allow_other,
                      .checks_permissions = flags.allow_other && !flags.no_default_permissions}));
  shown->follow();
  if (context.globals.json) {
    context.print_json(
        {{"message_type", "mounted"}, {"mountpoint", mountpoint}, {"snapshots", shown->count()}});
  } else {
    context.say(fmt::format("{} mounted at {}; unmount with {}", shown->count_text(), mountpoint,
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
  flags->tree.add_to(*command);
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
  command
      ->add_option("--cache-disk", flags->cache_disk,
                   "and in the cache folder, encrypted: for repositories behind a network")
      ->type_name("SIZE");
  command->callback([&app, &context, flags] {
    shorten_retries(app, context.globals);
    context.run = [&context, flags] {
      const auto code = run_mount(context, *flags);
      return code ? *code : context.fail_with(code.error());
    };
  });
}

}  // namespace lagan::cli
