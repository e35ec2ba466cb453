// SPDX-License-Identifier: Apache-2.0
#include "src/cli/commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "src/cli/help.h"
#include "src/cli/manual.h"
#include "src/cli/mount_commands.h"
#include "src/cli/schedule_commands.h"
#include "src/cli/speed_limit.h"
#include "src/cli/value_check.h"
#include "util/duration.h"

namespace lagan::cli {
namespace {

// What is no number is told when it is converted.
Result<void> check_pack_size(const std::string& text) {
  std::size_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  if (end != text.data() + text.size() ||
      (error == std::errc() && (size == 0 || (size >= 4 && size <= 512))))
    return {};
  return fail(ErrorCode::invalid_argument, fmt::format("expected 4 to 512 (MiB), not {}", text));
}

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
      ->type_name("SIZE")
      ->check(parsed_by(parse_size));
  app.add_flag("--cleanup-cache", globals.cleanup_cache,
               "accepted for restic's sake: the cache cleans itself up");
  app.add_flag("--no-cache", globals.no_cache, "use no local cache");
  app.add_flag("--json", globals.json, "speak JSON, one message a line");
  app.add_flag("-q,--quiet", globals.quiet, "only errors");
  app.add_flag("-v,--verbose", globals.verbose, "say more; twice: every file");
  app.add_flag("--progress", globals.progress,
               "tell how far it is also where there is no terminal, a line every ten seconds");
  app.add_option("--compression", globals.compression, "auto, off, fastest, better or max")
      ->envname("LAGAN_COMPRESSION");
  app.add_option("--pack-size", globals.pack_size_mib, "target size of data packs in MiB")
      ->envname("LAGAN_PACK_SIZE")
      ->check(parsed_by(check_pack_size));
  app.add_flag("--no-extra-verify", globals.no_extra_verify,
               "do not open each block again before it is uploaded");
  app.add_flag("--no-lock", globals.no_lock, "accepted for restic's sake: there are no locks");
  app.add_option("--retry-lock", globals.retry_lock,
                 "accepted for restic's sake: there are no locks");
}

void add_connection_globals(CLI::App& app, Context& context) {
  Globals& globals = context.globals;
  app.add_option("-o,--option", globals.storage_options,
                 "setting of one kind of storage, `kind.name=value` (may be repeated)")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  app.add_option("--cacert", globals.ca_file,
                 "file with the certificates of the authorities to trust, in PEM")
      ->envname("LAGAN_CACERT")
      ->type_name("FILE");
  app.add_option("--tls-client-cert", globals.client_certificate,
                 "file with a certificate and its key, in PEM, for servers that ask for one")
      ->envname("LAGAN_TLS_CLIENT_CERT")
      ->type_name("FILE");
  app.add_flag("--insecure-tls", globals.insecure_tls,
               "believe any certificate: who stands between can pose as the server");
  app.add_option("--http-user-agent", globals.user_agent, "how to introduce itself to servers")
      ->type_name("TEXT");
  app.add_option("--limit-upload", globals.limit_upload,
                 "most that is sent in a second: 5M; a number alone is KiB; "
                 "0,08:00-18:00=1M is a limit by day")
      ->envname("LAGAN_LIMIT_UPLOAD")
      ->type_name("SPEED")
      ->check(parsed_by(parse_speed_plan));
  app.add_option("--limit-download", globals.limit_download, "most that is received in a second")
      ->envname("LAGAN_LIMIT_DOWNLOAD")
      ->type_name("SPEED")
      ->check(parsed_by(parse_speed_plan));
  app.add_option("--limit-requests", context.requests_per_second,
                 "most requests in a second, for services that count them; a listing is one")
      ->envname("LAGAN_LIMIT_REQUESTS");
  app.add_option("--retry-time", globals.retry_time,
                 "for how long one request to a storage that is away or busy is repeated")
      ->envname("LAGAN_RETRY_TIME")
      ->type_name("DURATION")
      ->check(parsed_by(parse_duration));
  app.add_option("--stuck-request-timeout", globals.stall_time,
                 "when a connection on which nothing moves is given up")
      ->type_name("DURATION")
      ->check(parsed_by(parse_duration));
}

// Taken from the options themselves, by profile_flags.cc.
void add_profile_globals(CLI::App& app) {
  app.add_option(
         "-P,--use-profile", [](const CLI::results_t&) { return true; },
         "take what is not said here from a profile")
      ->type_name("NAME");
  app.add_option(
         "--config", [](const CLI::results_t&) { return true; }, "the only file of profiles")
      ->envname("LAGAN_CONFIG")
      ->type_name("FILE");
}

// Of these an empty value means something: no tag, no text.
constexpr std::array kMayBeEmpty{"tag",         "keep-tag", "add",   "set",  "remove",
                                 "description", "group-by", "label", "host", "path"};

std::string refuse_empty(const std::string& value) {
  return value.empty() ? "has an empty value: leave it out, or say what is meant" : "";
}

// What holds for the flags of every command.
void agree(CLI::App& command) {
  for (CLI::Option* option : command.get_options()) {
    if (option->get_positional()) {
      option->transform([](std::string word) {
        if (word.starts_with(kPlainMark)) word.erase(0, 1);
        return word;
      });
      continue;
    }
    if (option->get_items_expected_max() != 1) continue;
    // Of a flag that stands twice the last one counts, as in restic.
    option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    const bool may_be_empty =
        std::ranges::any_of(option->get_lnames(), [](const std::string& name) {
          return std::ranges::find(kMayBeEmpty, name) != kMayBeEmpty.end();
        });
    // A variable that is not set, mostly: what it should have said must not be left out silently.
    if (!may_be_empty) option->check(refuse_empty, "", kNotEmpty);
  }
}

}  // namespace

void add_everything(CLI::App& app, Context& context) {
  app.name("lagan");
  app.description("backups that are deduplicated, compressed and encrypted");
  app.require_subcommand(1);
  app.set_help_flag("-h,--help", "explain it, with examples");
  app.set_version_flag("--version", std::string("lagan ") + LAGAN_VERSION,
                       "say which lagan this is");
  app.formatter(std::make_shared<Help>());
  add_globals(app, context.globals);
  add_connection_globals(app, context);
  add_profile_globals(app);
  for (const auto add :
       {add_forget,   add_prune,   add_repair,    add_tag,         add_undelete, add_init,
        add_backup,   add_check,   add_snapshots, add_restore,     add_unlock,   add_version,
        add_ls,       add_find,    add_dump,      add_diff,        add_stats,    add_cat,
        add_list,     add_key,     add_cache,     add_completions, add_versions, add_man,
        add_help,     add_recover, add_copy,      add_rewrite,     add_storage,  add_serve,
        add_mount,    add_umount,  add_config,    add_run,         add_schedule, add_status,
        add_replicate})
    add(app, context);
  // Global flags may also stand after the command.
  const auto all = [](CLI::App*) { return true; };
  agree(app);
  for (CLI::App* command : app.get_subcommands(all)) {
    command->fallthrough();
    agree(*command);
    for (CLI::App* below : command->get_subcommands(all)) {
      below->fallthrough();
      agree(*below);
    }
  }
  apply_manual(app);
}

}  // namespace lagan::cli
