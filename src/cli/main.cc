// SPDX-License-Identifier: Apache-2.0

// Words in, one command run, an exit code out. Each command has its own file.

#include <fmt/format.h>
#include <sys/stat.h>

#include <exception>

#include "src/cli/context.h"

namespace lagan::cli {
namespace {

void add_globals(CLI::App& app, Globals& globals) {
  app.add_option("-r,--repo", globals.repository, "where the repository is")->type_name("LOCATION");
  app.add_option("--repository-file", globals.repository_file, "file with the location")
      ->type_name("FILE");
  app.add_option("-p,--password-file", globals.password_file, "file with the password")
      ->type_name("FILE");
  app.add_option("--password-command", globals.password_command, "command that prints the password")
      ->type_name("COMMAND");
  app.add_flag("--insecure-no-password", globals.insecure_no_password, "the password is empty");
  app.add_option("--key-hint", globals.key_hint, "id or label of the key to try first")
      ->envname("LAGAN_KEY_HINT")
      ->type_name("KEY");
  app.add_option("--cache-dir", globals.cache_dir, "folder of the local cache")
      ->type_name("FOLDER");
  app.add_flag("--no-cache", globals.no_cache, "use no local cache");
  app.add_flag("--json", globals.json, "speak JSON, one message a line");
  app.add_flag("-q,--quiet", globals.quiet, "only errors");
  app.add_flag("-v,--verbose", globals.verbose, "say more; twice: every file");
  app.add_option("--compression", globals.compression, "auto, off, fastest, better or max")
      ->envname("LAGAN_COMPRESSION");
  app.add_option("--pack-size", globals.pack_size_mib, "target size of data packs in MiB")
      ->envname("LAGAN_PACK_SIZE");
  app.add_flag("--no-extra-verify", globals.no_extra_verify,
               "do not open each block again before it is uploaded");
  app.add_flag("--no-lock", globals.no_lock, "accepted for restic's sake: there are no locks");
  app.add_option("--retry-lock", globals.retry_lock,
                 "accepted for restic's sake: there are no locks");
}

int run(int argc, char** argv) {
  Context context;
  CLI::App app{"Backups that are deduplicated, compressed and encrypted."};
  app.name("lagan");
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("lagan ") + LAGAN_VERSION);
  add_globals(app, context.globals);
  for (const auto add : {add_init, add_backup, add_snapshots, add_restore, add_unlock, add_version})
    add(app, context);
  // Global flags may also stand after the command.
  for (CLI::App* command : app.get_subcommands([](CLI::App*) { return true; }))
    command->fallthrough();
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    return context.fail_with(Error{ErrorCode::invalid_argument,
                                   std::string(error.what()) + " (try --help)",
                                   Retry::never,
                                   {}});
  }
  install_signal_handlers();
  return context.run();
}

}  // namespace
}  // namespace lagan::cli

int main(int argc, char** argv) {
  try {
    return lagan::cli::run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "lagan: internal error, please report it: {}\n", error.what());
    return lagan::cli::kFailed;
  }
}
