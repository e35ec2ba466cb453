// SPDX-License-Identifier: Apache-2.0
#include "src/cli/backup_flags.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <utility>

#include "repo/machine.h"
#include "src/cli/value_check.h"
#include "src/engine/file_list.h"
#include "src/engine/retention.h"

namespace lagan::cli {
namespace {

std::string user_name() {
  const passwd* user = ::getpwuid(::getuid());
  return user != nullptr ? user->pw_name : "";
}

tl::unexpected<Error> refuse(std::string message) {
  return fail(ErrorCode::invalid_argument, std::move(message));
}

bool has_lists(const BackupFlags& flags) {
  return !flags.files_from.empty() || !flags.files_from_verbatim.empty() ||
         !flags.files_from_raw.empty();
}

Result<void> check_stream(const BackupFlags& flags) {
  if (flags.from_stdin && flags.from_command)
    return refuse("--stdin and --stdin-from-command cannot be used together: choose one");
  const char* flag = flags.from_stdin ? "--stdin" : "--stdin-from-command";
  if (!flags.from_stdin && !flags.from_command) {
    if (!flags.stdin_name) return {};
    return refuse(
        "--stdin-filename names what --stdin or --stdin-from-command saves: add one of them");
  }
  if (flags.from_stdin && !flags.paths.empty())
    return refuse("--stdin and paths cannot be used together: leave one out");
  if (flags.from_command && flags.paths.empty())
    return refuse("--stdin-from-command needs a command after --");
  if (flags.stdin_name && !is_valid_entry_name(*flags.stdin_name))
    return refuse("--stdin-filename is a name without '/'");
  const char* other = has_lists(flags)         ? "--files-from"
                      : !flags.as_path.empty() ? "--as-path"
                      : !flags.explain.empty() ? "--explain"
                      : !flags.reread.empty()  ? "--reread"
                      : flags.use_fs_snapshot  ? "--use-fs-snapshot"
                      : flags.read_special     ? "--read-special"
                                               : nullptr;
  if (other != nullptr)
    return refuse(fmt::format("{} and {} cannot be used together: leave one out", flag, other));
  return {};
}

Result<void> add_listed_paths(const Context& context, const BackupFlags& flags,
                              std::vector<std::string>& paths) {
  const auto add = [&](const std::vector<std::string>& files, FileListKind kind,
                       const char* flag) -> Result<void> {
    for (const std::string& file : files) {
      const auto note = [&](const std::string& text) {
        context.warn(fmt::format("{} {}", flag, text));
      };
      const auto listed = read_file_list(file, kind, note);
      if (!listed) {
        return fail(listed.error().code, fmt::format("{}: {}; name a file that can be read", flag,
                                                     listed.error().message));
      }
      paths.insert(paths.end(), listed->begin(), listed->end());
    }
    return {};
  };
  TRY(add(flags.files_from, FileListKind::patterns, "--files-from"));
  TRY(add(flags.files_from_verbatim, FileListKind::verbatim, "--files-from-verbatim"));
  TRY(add(flags.files_from_raw, FileListKind::raw, "--files-from-raw"));
  if (has_lists(flags) && paths.empty())
    return refuse("--files-from names no path to back up: add some, or name a path");
  return {};
}

Result<Nanoseconds> parse_reread(const std::string& text) {
  const CalendarSpan span = TRY(parse_calendar_span(text));
  const Nanoseconds now = system_now();
  const Nanoseconds period = now - before(now, span);
  if (period <= 0 || span.years > 100) return refuse("expected a period, for example 90d");
  return period;
}

Result<Nanoseconds> reread_period(const BackupFlags& flags) {
  if (flags.reread.empty()) return 0;
  if (flags.force)
    return refuse("--reread and --force cannot be used together: --force reads everything already");
  return parse_reread(flags.reread);
}

}  // namespace

void BackupFlags::add_to(CLI::App& command) {
  const auto add = [&](const char* name, auto& value, const char* help, const char* type) {
    return command.add_option(name, value, help)->type_name(type)->allow_extra_args(false);
  };
  command.add_option("paths", paths, "what to back up")->type_name("PATH");
  add("--tag", tags, "tags of the snapshot, `tag,tag` (may be repeated)", "TEXT");
  command.add_option("-H,--host", host, "host name of the snapshot");
  command.add_option("--time", time, "time of the snapshot, \"2006-01-02 15:04:05\"");
  command.add_option("--description,--label", label, "a text kept with the snapshot");
  excludes.add_to(command, "-e,--exclude", "leave out what matches PATTERN");
  add("--exclude-if-present", filter.exclude_if_present,
      "leave out the content of folders that hold NAME[:HEADER]", "NAME");
  command.add_flag("--exclude-caches", filter.exclude_caches,
                   "leave out the content of folders with a CACHEDIR.TAG");
  command.add_flag("--exclude-nodump", filter.exclude_nodump,
                   "leave out what has the nodump flag (chattr +d)");
  command.add_option("--exclude-larger-than", larger_than, "leave out files larger than SIZE")
      ->type_name("SIZE")
      ->check(parsed_by(parse_size));
  command.add_flag("--git-ignore", filter.git_ignore,
                   "leave out what .gitignore files say, as .laganignore files always do");
  command.add_flag("-x,--one-file-system", filter.one_file_system,
                   "do not go into other file systems");
  command
      .add_option("--explain", explain,
                  "back up nothing: say which rule keeps PATH or leaves it out")
      ->type_name("PATH");
  add("--files-from", files_from, "paths to back up, a pattern a line (- is standard input)",
      "FILE");
  add("--files-from-verbatim", files_from_verbatim, "the same, a path a line as it stands", "FILE");
  add("--files-from-raw", files_from_raw, "the same, each path ended by a NUL", "FILE");
  command.add_option("--as-path", as_path, "save the only PATH as if it lay here")
      ->type_name("PATH");
  command.add_flag("--use-fs-snapshot", use_fs_snapshot,
                   "save all files as they are at one moment (btrfs, ZFS, LVM)");
  command.add_flag("-f,--force", force, "read every file, also those that look unchanged");
  command.add_flag("--ignore-ctime", ignore_ctime, "do not read a file for another ctime alone");
  command.add_flag("--ignore-inode", ignore_inode, "do not read a file for another inode alone");
  command
      .add_option("--reread", reread,
                  "read each unchanged file once in this time, \"90d\", and tell if it has decayed")
      ->type_name("DURATION")
      ->check(parsed_by(parse_reread));
  command.add_flag("--read-special", read_special,
                   "save what devices and pipes hold, as if they were files");
  command.add_flag("--no-scan", no_scan, "do not count ahead: no totals, no time left");
  command.add_flag("--skip-if-unchanged", skip_if_unchanged,
                   "make no snapshot equal to the one before");
  command.add_flag("-n,--dry-run", dry_run,
                   "store nothing, only say what would be stored; with -v, of which files");
  command.add_flag("--stdin", from_stdin, "save what comes in on standard input");
  command.add_flag("--stdin-from-command", from_command, "save the output of the command after --");
  command.add_option("--stdin-filename", stdin_name, "its name in the snapshot, else \"stdin\"");
  command.add_option("--read-concurrency", readers, "files read at a time")
      ->check(CLI::Range(1, 256))
      ->envname("LAGAN_READ_CONCURRENCY");
}

Result<BackupOptions> backup_options(const Context& context, const BackupFlags& flags) {
  TRY(check_stream(flags));
  BackupOptions options;
  if (!flags.from_stdin && !flags.from_command) options.paths = flags.paths;
  options.stream_name = flags.stdin_name.value_or("stdin");
  const char* host = std::getenv("LAGAN_HOST");
  options.host = !flags.host.empty() ? flags.host : host != nullptr ? host : host_name();
  options.user = user_name();
  for (const std::string& list : flags.tags) {
    for (std::string& tag : split_list(list)) {
      if (!tag.empty()) options.tags.push_back(std::move(tag));
    }
  }
  options.label = flags.label;
  if (!flags.time.empty()) options.time = TRY_IN("--time", parse_time(flags.time));
  options.filter = flags.filter;
  options.filter.patterns = flags.excludes.in_order();
  if (!flags.larger_than.empty()) {
    options.filter.larger_than = TRY_IN("--exclude-larger-than", parse_size(flags.larger_than));
  }
  options.filter.own_folders = context.own_folders();
  // With what it keeps of other repositories.
  if (const std::string cache = context.cache_folder(); !cache.empty())
    options.filter.own_folders.push_back({cache, "lagan's cache"});
  options.reread_period = TRY(reread_period(flags));
  if (!flags.as_path.empty()) {
    if (has_lists(flags) || flags.paths.size() != 1)
      return refuse("--as-path needs exactly one path to back up: name one");
    options.sources = std::exchange(options.paths, {flags.as_path});
  }
  if (!flags.as_path.empty() && flags.use_fs_snapshot)
    return refuse("--as-path and --use-fs-snapshot cannot be used together: leave one out");
  if (!flags.as_path.empty() && !flags.explain.empty())
    return refuse("--as-path and --explain cannot be used together: leave --as-path out");
  options.force = flags.force;
  options.ignore_ctime = flags.ignore_ctime;
  options.ignore_inode = flags.ignore_inode;
  options.read_special = flags.read_special;
  options.scan = !flags.no_scan;
  options.skip_if_unchanged = flags.skip_if_unchanged;
  options.dry_run = flags.dry_run;
  options.readers = flags.readers;
  options.writer = TRY(context.writer_options());
  options.adapt_compression = context.globals.compression == "auto";
  options.is_stopped = [&context] { return context.is_stopped(); };
  TRY(add_listed_paths(context, flags, options.paths));
  return options;
}

}  // namespace lagan::cli
