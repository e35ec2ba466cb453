// SPDX-License-Identifier: Apache-2.0

// Words in, one command run, an exit code out. Each command has its own file.

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <system_error>

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
  app.add_option("--cache-size", globals.cache_size,
                 "size above which caches of unused repositories go")
      ->envname("LAGAN_CACHE_SIZE")
      ->type_name("SIZE");
  app.add_flag("--cleanup-cache", globals.cleanup_cache,
               "accepted for restic's sake: the cache cleans itself up");
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

// Walks of trees call themselves once a folder, with up to 4 KiB a time, and folders may nest 4,096
// deep (repo/limits.h). Linux looks at this limit when the stack of the main thread grows, and
// leaves at least 128 MiB of room for it.
void allow_deep_folders() {
  constexpr rlim_t kStackBytes = rlim_t{64} << 20;
  rlimit limit{};
  if (::getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur >= kStackBytes) return;
  limit.rlim_cur = std::min(limit.rlim_max, kStackBytes);
  ::setrlimit(RLIMIT_STACK, &limit);
}

// Keys and passwords are in memory: a crash must not write them to a disk.
void forbid_core_dumps() {
  constexpr rlimit kNone{};
  ::setrlimit(RLIMIT_CORE, &kNone);
}

int run(int argc, char** argv) {
  forbid_core_dumps();
  allow_deep_folders();
  Context context;
  CLI::App app{"Backups that are deduplicated, compressed and encrypted."};
  app.name("lagan");
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("lagan ") + LAGAN_VERSION);
  add_globals(app, context.globals);
  for (const auto add :
       {add_forget, add_prune, add_repair,    add_tag,         add_undelete, add_init,
        add_backup, add_check, add_snapshots, add_restore,     add_unlock,   add_version,
        add_ls,     add_find,  add_dump,      add_diff,        add_stats,    add_cat,
        add_list,   add_key,   add_cache,     add_completions, add_copy,     add_rewrite})
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
  const int code = context.run();
  // A full disk may show only now.
  const bool flushed = std::fflush(stdout) == 0;
  if (flushed && std::ferror(stdout) == 0) return code;
  // Whoever reads may have enough (lagan backup -vv … | head): no news for anybody.
  if (!flushed && errno != EPIPE) context.fail_with(system_error("write to stdout", errno));
  return code == kOk ? kFailed : code;
}

}  // namespace
}  // namespace lagan::cli

int main(int argc, char** argv) {
  try {
    return lagan::cli::run(argc, argv);
  } catch (const std::system_error& error) {  // fmt, when stdout takes no more
    // Whoever reads may have enough (lagan ls … | head): no news for anybody.
    if (error.code() != std::errc::broken_pipe) fmt::print(stderr, "lagan: {}\n", error.what());
    return lagan::cli::kFailed;
  } catch (const std::exception& error) {
    fmt::print(stderr, "lagan: internal error, please report it: {}\n", error.what());
    return lagan::cli::kFailed;
  }
}
