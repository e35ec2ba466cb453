// SPDX-License-Identifier: Apache-2.0
#pragma once

// What every command has in common: the global flags, how it opens the repository, how it speaks.
// One Context lives for one run of the program.

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <stop_token>
#include <string>
#include <vector>

#include "repo/chunk_writer.h"
#include "repo/index_loader.h"
#include "repo/repository.h"
#include "repo/snapshots.h"
#include "src/engine/untouchable_places.h"
#include "storage/request_counts.h"
#include "util/result.h"

namespace lagan {
struct StorageOptions;
}

namespace lagan::cli {

using Json = nlohmann::ordered_json;

// The exit codes are an interface (docs/cli.md): restic's.
enum ExitCode : int {
  kOk = 0,
  kFailed = 1,
  kPartial = 3,  // some of the source could not be read
  kNoRepository = 10,
  kWrongPassword = 12,
  kInterrupted = 130,
};

struct Globals {
  std::string repository, repository_file;
  std::string password_file, password_command, key_hint;
  bool insecure_no_password = false;
  // The second repository of `copy` and `init`, which is only read (src/cli/source_repository.h).
  bool is_source = false;
  std::string cache_dir;
  bool no_cache = false;
  std::string cache_size = "10G";
  bool json = false, quiet = false, progress = false;
  int verbose = 0;
  std::string compression = "auto";
  std::size_t pack_size_mib = 0;
  bool no_extra_verify = false;
  std::vector<std::string> storage_options;  // kind.name=value
  std::string ca_file, client_certificate, user_agent = std::string("lagan/") + LAGAN_VERSION;
  bool insecure_tls = false;
  std::string limit_upload, limit_download;
  std::string retry_time = "15m", stall_time = "60s";
  // Accepted for scripts written for restic; nothing is ever locked.
  bool no_lock = false;
  std::string retry_lock;
  bool cleanup_cache = false;  // the same: the cache cleans itself up
};

// Flags that choose snapshots.
struct SnapshotFlags {
  std::vector<std::string> hosts, tags, paths;
  void add_to(CLI::App& app, bool short_host = true);
  SnapshotFilter filter() const;
  // Those that were named, or without any all that match.
  Result<std::vector<StoredSnapshot>> choose(const SnapshotList& list,
                                             const std::vector<std::string>& wanted) const;
};

class Context {
 public:
  Globals globals;
  std::function<int()> run;  // set by the command that was chosen

  // The value of LAGAN_<name>, for a source that of LAGAN_FROM_<name>; null if there is none.
  const char* variable(const std::string& name) const;
  // The location from flag, file or environment.
  Result<std::string> location() const;
  // How it is to be reached, from flags and environment.
  Result<StorageOptions> storage_options() const;
  Result<std::shared_ptr<Storage>> open_location() const;
  // What lies on this machine and is not to be saved, or deleted by a restore: the repository.
  std::vector<OwnFolder> own_folders() const;
  std::string cache_folder() const;
  Result<OpenOptions> open_options() const;
  Result<std::unique_ptr<Repository>> open_repository();
  Result<ChunkWriterOptions> writer_options() const;

  // An index that is up to date. Damaged segments are told on stderr.
  Result<LocalIndex> load_index(const Repository& repository);

  // Prints an error the way --json wants it and returns its exit code.
  int fail_with(const Error& error) const;
  // What --json prints last if the command ended with another code than 0, unless fail_with() has.
  void tell_exit(int code) const;
  // One line on stderr, as text or JSON.
  void warn(const std::string& text) const;
  // With -v, what was asked of the storages. At the end of the run.
  void report_requests() const;
  // A line for people on stdout: not with --json, not with --quiet.
  void say(const std::string& line) const;
  void print_json(const Json& message) const;

  bool is_stopped() const;               // SIGINT or SIGTERM came
  std::stop_token interruption() const;  // the same, for what waits
  // How often SIGUSR1, or SIGINFO where there is one, asked how far it is.
  unsigned status_requests() const;

  std::uint64_t requests_per_second = 0;  // 0: as many as come
  // Of every storage that was opened; shared by the contexts of one run.
  std::shared_ptr<RequestCounts> requests = std::make_shared<RequestCounts>();

 private:
  Result<std::unique_ptr<Repository>> open_repository(OpenOptions options);
  mutable bool has_told_exit_ = false;
};

int exit_code_of(const Error& error);

// Catches SIGINT and SIGTERM; a second one ends the program at once. And SIGUSR1 (SIGINFO).
void install_signal_handlers();

// Text that may hold any bytes, for JSON: invalid UTF-8 becomes U+FFFD, and `<key>_b64` then holds
// the truth.
void put_text(Json& object, const std::string& key, const std::string& bytes);

// Writes to stdout or stderr from any thread. A reader that has gone away or a full disk stops no
// work: main tells when that is over.
void put(std::FILE* stream, std::string_view text);

std::string format_time(Nanoseconds time);                              // local, to seconds
std::string format_time_rfc3339(Nanoseconds time, int offset_minutes);  // with nanoseconds
// Of entries, which may be of any year.
std::string format_entry_time(std::int64_t seconds);
std::string format_entry_time_rfc3339(std::int64_t seconds, std::uint32_t fraction);
std::string format_bytes(std::uint64_t bytes);              // "1.234 GiB"
Result<std::uint64_t> parse_size(const std::string& text);  // "10", "5K", "1.5G": powers of 1,024
Result<Nanoseconds> parse_time(const std::string& text);  // "2006-01-02 15:04:05", local, or "now"
std::vector<std::string> split_list(const std::string& text, char separator = ',');

// One function a command; each adds its subcommand.
void add_backup(CLI::App& app, Context& context);
void add_cache(CLI::App& app, Context& context);
void add_cat(CLI::App& app, Context& context);
void add_check(CLI::App& app, Context& context);
void add_completions(CLI::App& app, Context& context);
void add_copy(CLI::App& app, Context& context);
void add_diff(CLI::App& app, Context& context);
void add_dump(CLI::App& app, Context& context);
void add_forget(CLI::App& app, Context& context);
void add_find(CLI::App& app, Context& context);
void add_help(CLI::App& app, Context& context);
void add_init(CLI::App& app, Context& context);
void add_key(CLI::App& app, Context& context);
void add_list(CLI::App& app, Context& context);
void add_ls(CLI::App& app, Context& context);
void add_man(CLI::App& app, Context& context);
void add_prune(CLI::App& app, Context& context);
void add_recover(CLI::App& app, Context& context);
void add_repair(CLI::App& app, Context& context);
void add_replicate(CLI::App& app, Context& context);
void add_restore(CLI::App& app, Context& context);
void add_rewrite(CLI::App& app, Context& context);
void add_serve(CLI::App& app, Context& context);
void add_snapshots(CLI::App& app, Context& context);
void add_stats(CLI::App& app, Context& context);
void add_storage(CLI::App& app, Context& context);
void add_tag(CLI::App& app, Context& context);
void add_undelete(CLI::App& app, Context& context);
void add_unlock(CLI::App& app, Context& context);
void add_version(CLI::App& app, Context& context);
void add_versions(CLI::App& app, Context& context);

}  // namespace lagan::cli
