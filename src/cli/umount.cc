// SPDX-License-Identifier: Apache-2.0
#include "mount/mountpoint.h"
#include "src/cli/mount_commands.h"

namespace lagan::cli {
namespace {

struct UmountFlags {
  std::string mountpoint;
  bool is_lazy = false;
};

}  // namespace

void add_umount(CLI::App& app, Context& context) {
  auto flags = std::make_shared<UmountFlags>();
  CLI::App* command = app.add_subcommand("umount", "take a mount away");
  command->add_option("mountpoint", flags->mountpoint, "where `lagan mount` mounted")
      ->type_name("MOUNTPOINT")
      ->required();
  command->add_flag("-z,--lazy", flags->is_lazy, "also while it is in use");
  command->callback([&context, flags] {
    context.run = [&context, flags] {
      const auto done = unmount(flags->mountpoint, flags->is_lazy);
      return done ? static_cast<int>(kOk) : context.fail_with(done.error());
    };
  });
}

}  // namespace lagan::cli
