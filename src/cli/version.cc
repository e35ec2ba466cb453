// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "src/cli/context.h"

namespace lagan::cli {

void add_version(CLI::App& app, Context& context) {
  app.add_subcommand("version", "say which lagan this is")->callback([&context] {
    context.run = [&context] {
      if (context.globals.json) {
        context.print_json(
            {{"message_type", "version"}, {"version", LAGAN_VERSION}, {"format", 1}});
      } else {
        fmt::print("lagan {} (repository format 1)\n", LAGAN_VERSION);
      }
      return kOk;
    };
  });
}

void add_unlock(CLI::App& app, Context& context) {
  app.add_subcommand("unlock", "there is nothing to unlock; says why")->callback([&context] {
    context.run = [&context] {
      context.say(
          "There is nothing to unlock: lagan has no locks. Backups, restores and collection run "
          "beside");
      context.say(
          "each other, and what an interrupted run left behind does not stand in anybody's way.");
      return kOk;
    };
  });
}

}  // namespace lagan::cli
