// SPDX-License-Identifier: Apache-2.0
#include "src/engine/backup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/cli/backup_flags.h"
#include "src/cli/context.h"
#include "src/cli/progress_line.h"
#include "src/engine/explain.h"
#include "src/engine/fs_snapshot.h"
#include "src/engine/walker.h"
#include "util/file.h"

namespace lagan::cli {
namespace {

// The output of a command as the source. The command is waited for before anything is committed.
class SourceCommand {
 public:
  static Result<SourceCommand> start(const std::vector<std::string>& words) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return fail(system_error("make a pipe", errno));
    const pid_t child = ::fork();
    if (child < 0) return fail(system_error("start the command", errno));
    if (child == 0) {
      // Ends with us, also if we are killed. Not in a group of its own: it may ask the terminal.
      ::prctl(PR_SET_PDEATHSIG, SIGTERM);
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
  // One that has not been waited for is not wanted any longer. Who does not heed that is left to
  // the end of its output.
  ~SourceCommand() {
    if (child_ <= 0) return;
    output_ = File();
    ::kill(child_, SIGTERM);
    ::kill(child_, SIGCONT);
  }
  SourceCommand(SourceCommand&& other) noexcept
      : output_(std::move(other.output_)), child_(std::exchange(other.child_, -1)) {}
  SourceCommand& operator=(SourceCommand&&) = delete;

  int output() const { return output_.descriptor(); }
  Result<void> wait() {
    int status = 0;
    while (::waitpid(child_, &status, 0) < 0 && errno == EINTR) {
    }
    child_ = -1;
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

Result<int> explain_path(const Context& context, const BackupOptions& options,
                         const std::string& path) {
  const auto note = [&](const std::string& text) { context.warn(text); };
  const Explanation found = TRY_IN("--explain", explain(options.filter, options.paths, path, note));
  if (context.globals.json) {
    Json message{{"message_type", "explanation"}, {"kept", found.is_kept}};
    put_text(message, "path", found.path);
    put_text(message, "rule", found.why);
    context.print_json(message);
  } else {
    put(stdout,
        fmt::format("{}: {}: {}\n", found.is_kept ? "kept" : "left out", found.path, found.why));
  }
  return kOk;
}

// Has the files read from snapshots of their file systems. Returns how many file systems below are
// in none.
Result<std::uint64_t> read_from(FsSnapshots& snapshots, const Context& context,
                                BackupOptions& options) {
  std::uint64_t missing = 0;
  std::vector<std::string> targets;
  for (const std::string& path : options.paths) targets.push_back(TRY(normalise_target(path)));
  for (const std::string& target : targets) {
    options.sources.push_back(TRY(snapshots.source_of(target)));
    if (options.filter.one_file_system) continue;
    for (const std::string& point : FsSnapshots::missing_below(target)) {
      if (std::ranges::find(targets, point) != targets.end()) continue;
      context.warn(
          fmt::format("{} is a file system of its own and not in the snapshot of {}: name it "
                      "as well, or leave it out with -x",
                      point, target));
      ++missing;
    }
  }
  return missing;
}

Result<int> run_backup(Context& context, const BackupFlags& flags) {
  BackupOptions options = TRY(backup_options(context, flags));
  if (!flags.explain.empty()) return explain_path(context, options, flags.explain);
  std::optional<SourceCommand> command;
  const auto repository = TRY(context.open_repository());
  if (flags.from_stdin) options.stream = STDIN_FILENO;
  if (flags.from_command) {
    command.emplace(TRY(SourceCommand::start(flags.paths)));
    options.stream = command->output();
    options.stream_ended = [&command] { return command->wait(); };
  }
  FsSnapshots snapshots(fmt::format("lagan-{}-{}", system_now() / 1'000'000'000, ::getpid()),
                        [&](const std::string& text) { context.warn(text); });
  std::uint64_t missing = 0;
  if (flags.use_fs_snapshot) missing = TRY(read_from(snapshots, context, options));
  ProgressLine progress(context, "archival", flags.dry_run ? 1 : 2);
  const auto result = backup(*repository, options, progress);
  progress.finish();
  if (!result) return fail(result.error());
  print_summary(context, *result, flags.dry_run, progress.seconds());
  return result->errors + missing != 0 ? kPartial : kOk;
}

}  // namespace

void add_backup(CLI::App& app, Context& context) {
  auto flags = std::make_shared<BackupFlags>();
  CLI::App* command =
      app.add_subcommand("backup", "save files and folders as a new snapshot")->alias("create");
  flags->add_to(*command);
  command->callback([&context, flags] {
    context.run = [&context, flags] {
      const auto code = run_backup(context, *flags);
      return code ? *code : context.fail_with(code.error());
    };
  });
}

}  // namespace lagan::cli
