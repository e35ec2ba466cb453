// SPDX-License-Identifier: Apache-2.0
#include "src/engine/backup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "repo/machine.h"
#include "src/cli/context.h"
#include "src/cli/progress_line.h"
#include "util/file.h"

namespace lagan::cli {
namespace {

struct BackupFlags {
  std::vector<std::string> paths, tags;
  std::string host, time, label, larger_than;
  FilterOptions filter;
  bool one_file_system = false, force = false, skip_if_unchanged = false, dry_run = false;
  bool from_stdin = false, from_command = false, no_scan = false;
  std::string stdin_name = "stdin";
  std::size_t readers = 0;
};

std::string user_name() {
  const passwd* user = ::getpwuid(::getuid());
  return user != nullptr ? user->pw_name : "";
}

// The output of a command as the source. The command is waited for before anything is committed.
class SourceCommand {
 public:
  static Result<SourceCommand> start(const std::vector<std::string>& words) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return fail(system_error("make a pipe", errno));
    const pid_t child = ::fork();
    if (child < 0) return fail(system_error("start the command", errno));
    if (child == 0) {
      ::dup2(ends[1], STDOUT_FILENO);
      ::signal(SIGPIPE, SIG_DFL);
      std::vector<char*> arguments;
      for (const std::string& word : words)
        arguments.push_back(const_cast<char*>(word.c_str()));  // NOLINT: execvp
      arguments.push_back(nullptr);
      ::execvp(arguments[0], arguments.data());
      ::_exit(127);
    }
    ::close(ends[1]);
    return SourceCommand(File(ends[0]), child);
  }
  int output() const { return output_.descriptor(); }
  Result<void> wait() {
    int status = 0;
    while (::waitpid(child_, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
    return fail(ErrorCode::io,
                fmt::format("the command failed ({} {}): no snapshot was made",
                            WIFEXITED(status) ? "status" : "signal",
                            WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status)));
  }

 private:
  SourceCommand(File output, pid_t child) : output_(std::move(output)), child_(child) {}
  File output_;
  pid_t child_;
};

Result<BackupOptions> options_of(const Context& context, const BackupFlags& flags) {
  BackupOptions options;
  options.paths = flags.paths;
  const char* host = std::getenv("LAGAN_HOST");
  options.host = !flags.host.empty() ? flags.host : host != nullptr ? host : host_name();
  options.user = user_name();
  for (const std::string& list : flags.tags) {
    for (std::string& tag : split_list(list)) {
      if (!tag.empty()) options.tags.push_back(std::move(tag));
    }
  }
  options.label = flags.label;
  if (!flags.time.empty()) options.time = TRY(parse_time(flags.time));
  options.filter = flags.filter;
  if (!flags.larger_than.empty()) options.filter.larger_than = TRY(parse_size(flags.larger_than));
  options.one_file_system = flags.one_file_system;
  options.force = flags.force;
  options.scan = !flags.no_scan;
  options.skip_if_unchanged = flags.skip_if_unchanged;
  options.dry_run = flags.dry_run;
  options.readers = flags.readers;
  options.writer = TRY(context.writer_options());
  options.adapt_compression = context.globals.compression == "auto";
  options.is_stopped = [&context] { return context.is_stopped(); };
  return options;
}

void print_summary(const Context& context, const BackupResult& result, bool dry_run,
                   double seconds) {
  const Summary& summary = result.summary;
  const std::uint64_t stored = result.stored.pack_bytes + result.stored.index_bytes;
  if (context.globals.json) {
    Json message{{"message_type", "summary"}};
    if (dry_run) message["dry_run"] = true;
    message.update(Json{{"files_new", summary.files_new},
                        {"files_changed", summary.files_changed},
                        {"files_unmodified", summary.files_unmodified},
                        {"dirs_new", summary.dirs_new},
                        {"dirs_changed", summary.dirs_changed},
                        {"dirs_unmodified", summary.dirs_unmodified},
                        {"data_blobs", summary.data_chunks},
                        {"tree_blobs", summary.tree_chunks},
                        {"data_added", summary.data_added},
                        {"data_added_packed", stored},
                        {"total_files_processed", result.root.files},
                        {"total_bytes_processed", result.root.content_bytes},
                        {"backup_start", format_time_rfc3339(result.started, 0)},
                        {"backup_end", format_time_rfc3339(result.finished, 0)},
                        {"total_duration", seconds}});
    if (result.snapshot) message["snapshot_id"] = result.snapshot->hex();
    context.print_json(message);
    return;
  }
  context.say(fmt::format("files: {} new, {} changed, {} unmodified", summary.files_new,
                          summary.files_changed, summary.files_unmodified));
  context.say(fmt::format("folders: {} new, {} changed, {} unmodified", summary.dirs_new,
                          summary.dirs_changed, summary.dirs_unmodified));
  context.say(fmt::format("{}: {} ({} stored)", dry_run ? "would add" : "added",
                          format_bytes(summary.data_added), format_bytes(stored)));
  context.say(fmt::format("processed {} files, {} in {:.1f} s", result.root.files,
                          format_bytes(result.root.content_bytes), seconds));
  if (result.snapshot) {
    context.say(fmt::format("snapshot {} saved", result.snapshot->short_hex()));
  } else if (!dry_run) {
    context.say("nothing changed: no snapshot was made");
  }
  if (result.errors != 0) {
    context.warn(fmt::format("{} files or folders could not be read as they should be (see above)",
                             result.errors));
  }
}

Result<int> run_backup(Context& context, const BackupFlags& flags) {
  BackupOptions options = TRY(options_of(context, flags));
  std::optional<SourceCommand> command;
  if (flags.from_stdin || flags.from_command) {
    if (flags.stdin_name.empty() || !is_valid_entry_name(flags.stdin_name)) {
      return fail(ErrorCode::invalid_argument, "--stdin-filename is a name without '/'");
    }
    options.stream = STDIN_FILENO;
    options.stream_name = flags.stdin_name;
    options.paths.clear();
    if (flags.from_stdin && !flags.paths.empty()) {
      return fail(ErrorCode::invalid_argument, "--stdin and paths cannot be used together");
    }
  }
  const auto repository = TRY(context.open_repository());
  if (flags.from_command) {
    if (flags.paths.empty())
      return fail(ErrorCode::invalid_argument, "--stdin-from-command needs a command after --");
    command = TRY(SourceCommand::start(flags.paths));
    options.stream = command->output();
    options.stream_ended = [&command] { return command->wait(); };
  }
  ProgressLine progress(context, "archival");
  const auto result = backup(*repository, options, progress);
  progress.finish();
  if (!result) return fail(result.error());
  print_summary(context, *result, flags.dry_run, progress.seconds());
  return result->errors != 0 ? kPartial : kOk;
}

}  // namespace

void add_backup(CLI::App& app, Context& context) {
  auto flags = std::make_shared<BackupFlags>();
  CLI::App* command =
      app.add_subcommand("backup", "save files and folders as a new snapshot")->alias("create");
  command->add_option("paths", flags->paths, "what to back up")->type_name("PATH");
  command->add_option("--tag", flags->tags, "tags of the snapshot, `tag,tag` (may be repeated)")
      ->allow_extra_args(false);
  command->add_option("-H,--host", flags->host, "host name of the snapshot");
  command->add_option("--time", flags->time, "time of the snapshot, \"2006-01-02 15:04:05\"");
  command->add_option("--description,--label", flags->label, "a text kept with the snapshot");
  command->add_option("-e,--exclude", flags->filter.excludes, "leave out what matches PATTERN")
      ->type_name("PATTERN")
      ->allow_extra_args(false);
  command
      ->add_option("--iexclude", flags->filter.excludes_ignoring_case,
                   "the same, upper and lower case alike")
      ->type_name("PATTERN")
      ->allow_extra_args(false);
  command->add_option("--exclude-file", flags->filter.exclude_files, "file of patterns, one a line")
      ->type_name("FILE")
      ->allow_extra_args(false);
  command
      ->add_option("--iexclude-file", flags->filter.exclude_files_ignoring_case,
                   "the same, upper and lower case alike")
      ->type_name("FILE")
      ->allow_extra_args(false);
  command
      ->add_option("--exclude-if-present", flags->filter.exclude_if_present,
                   "leave out the content of folders that hold NAME[:HEADER]")
      ->type_name("NAME")
      ->allow_extra_args(false);
  command->add_flag("--exclude-caches", flags->filter.exclude_caches,
                    "leave out the content of folders with a CACHEDIR.TAG");
  command
      ->add_option("--exclude-larger-than", flags->larger_than, "leave out files larger than SIZE")
      ->type_name("SIZE");
  command->add_flag("-x,--one-file-system", flags->one_file_system,
                    "do not go into other file systems");
  command->add_flag("-f,--force", flags->force, "read every file, also those that look unchanged");
  command->add_flag("--no-scan", flags->no_scan, "do not count ahead: no totals, no time left");
  command->add_flag("--skip-if-unchanged", flags->skip_if_unchanged,
                    "make no snapshot equal to the one before");
  command->add_flag("-n,--dry-run", flags->dry_run, "store nothing, only say what would be stored");
  command->add_flag("--stdin", flags->from_stdin, "save what comes in on standard input");
  command->add_flag("--stdin-from-command", flags->from_command,
                    "save the output of the command after --");
  command->add_option("--stdin-filename", flags->stdin_name, "its name in the snapshot");
  command->add_option("--read-concurrency", flags->readers, "files read at a time")
      ->envname("LAGAN_READ_CONCURRENCY");
  command->callback([&context, flags] {
    context.run = [&context, flags] {
      const auto code = run_backup(context, *flags);
      return code ? *code : context.fail_with(code.error());
    };
  });
}

}  // namespace lagan::cli
