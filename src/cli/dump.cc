// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "src/cli/file_stream.h"
#include "src/cli/snapshot_browser.h"
#include "src/engine/tree_archive.h"
#include "src/engine/tree_path.h"
#include "util/file.h"

namespace lagan::cli {
namespace {

struct DumpFlags {
  std::string snapshot, path, target, archive = "tar";
  SnapshotFlags filter;
};

Result<void> dump_file(Context& context, const SnapshotBrowser& browser, const Entry& file,
                       int descriptor) {
  return stream_file(context, browser, file,
                     [&](ByteSpan piece, std::uint64_t) { return write_all(descriptor, piece); });
}

Result<void> dump_folder(Context& context, SnapshotBrowser& browser, const Entry& folder,
                         const std::string& path, int descriptor, ArchiveFormat format) {
  if (::isatty(descriptor) == 1) {
    return fail(ErrorCode::invalid_argument,
                "an archive does not belong on a terminal: name a file with --target");
  }
  const ArchiveOptions options{
      .format = format,
      .is_stopped = [&context] { return context.is_stopped(); },
      .trouble = browser.trouble(),
      .left_out =
          [&context](const std::string& left_out) {
            context.warn(left_out + ": left out, for this archive cannot hold such a file");
          }};
  return write_archive(browser.source(), folder, path, descriptor, options);
}

std::optional<ArchiveFormat> parse_format(const std::string& word) {
  if (word == "tar") return ArchiveFormat::tar;
  if (word == "tar.zst") return ArchiveFormat::tar_zst;
  if (word == "zip") return ArchiveFormat::zip;
  return std::nullopt;
}

Result<int> run_dump(Context& context, const DumpFlags& flags) {
  const auto format = parse_format(flags.archive);
  if (!format) return fail(ErrorCode::invalid_argument, "--archive is tar, tar.zst or zip");
  const auto browser = TRY(SnapshotBrowser::open(context));
  const auto place = TRY(browser->find_folder(flags.snapshot, flags.filter.filter()));
  const std::string path = clean_path(flags.path);
  const Entry entry = TRY(entry_at(browser->source(), place.stored.snapshot, path));
  if (entry.kind != EntryKind::file && entry.kind != EntryKind::directory) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} is neither a file nor a folder", flags.path));
  }
  File target;
  if (!flags.target.empty())
    target = TRY(open_file(flags.target, O_WRONLY | O_CREAT | O_TRUNC, 0600));
  const int descriptor = target.is_open() ? target.descriptor() : STDOUT_FILENO;
  TRY_IN(flags.path, entry.kind == EntryKind::file
                         ? dump_file(context, *browser, entry, descriptor)
                         : dump_folder(context, *browser, entry, path, descriptor, *format));
  // A full disk, or one that fails, is told of only now. What is no disk has nothing to tell.
  if (target.is_open() && ::fsync(target.descriptor()) != 0 && errno != EINVAL)
    return fail(system_error("write " + flags.target, errno));
  return browser->exit_code();
}

}  // namespace

void add_dump(CLI::App& app, Context& context) {
  auto flags = std::make_shared<DumpFlags>();
  CLI::App* command =
      app.add_subcommand("dump", "write a file, or a folder as an archive, to stdout");
  command
      ->add_option("snapshot", flags->snapshot,
                   "`latest`, an id or its beginning, with :PATH only what is below PATH")
      ->required();
  command->add_option("path", flags->path, "the file or folder, `/` for all")->required();
  command->add_option("-a,--archive", flags->archive, "tar, tar.zst or zip, for folders");
  command->add_option("-t,--target", flags->target, "write to FILE, or a device, instead")
      ->type_name("FILE");
  flags->filter.add_to(*command);
  command->callback([&context, flags] {
    context.run = [&context, flags] {
      const auto code = run_dump(context, *flags);
      return code ? *code : context.fail_with(code.error());
    };
  });
}

}  // namespace lagan::cli
