// SPDX-License-Identifier: Apache-2.0
#include "src/cli/restore_device.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>

#include "repo/file_content.h"
#include "src/cli/progress_line.h"
#include "src/cli/snapshot_browser.h"
#include "util/file.h"

namespace lagan::cli {
namespace {

// Fails if it is mounted or something else holds it.
Result<File> open_device(const std::string& path) {
  File device(::open(path.c_str(), O_RDWR | O_EXCL | O_CLOEXEC));
  if (device.is_open()) return device;
  if (errno != EBUSY) return fail(system_error("open " + path, errno));
  return fail(ErrorCode::invalid_argument,
              path + " is in use: unmount what lies on it, or stop what uses it");
}

Result<std::uint64_t> size_of(const File& device, const std::string& path) {
  const off_t end = ::lseek(device.descriptor(), 0, SEEK_END);
  if (end < 0) return fail(system_error("size of " + path, errno));
  return static_cast<std::uint64_t>(end);
}

// Calls `each` with every piece of the file and where it begins.
Result<void> for_each_piece(
    Context& context, SnapshotBrowser& browser, const Entry& file,
    const std::function<Result<void>(ByteSpan piece, std::uint64_t offset)>& each) {
  std::uint64_t offset = 0;
  return read_content(browser.source(), file, [&](ByteSpan piece) -> Result<void> {
    if (context.is_stopped()) return fail(ErrorCode::cancelled, "interrupted");
    TRY(each(piece, offset));
    offset += piece.size();
    return {};
  });
}

Result<void> compare(ByteSpan piece, std::uint64_t offset, const File& device) {
  Bytes there(piece.size());
  const std::size_t size = TRY(read_at(device.descriptor(), there.span(), offset));
  if (size == piece.size() && std::ranges::equal(there.span(), piece)) return {};
  return fail(ErrorCode::io, fmt::format("the device gives back other bytes at {} to {}", offset,
                                         offset + piece.size()));
}

void print_summary(const Context& context, const DeviceRestore& wanted, std::uint64_t bytes,
                   double seconds) {
  if (context.globals.json) {
    context.print_json({{"message_type", "summary"},
                        {"seconds_elapsed", static_cast<std::uint64_t>(seconds)},
                        {"total_files", 1},
                        {"files_restored", 1},
                        {"total_bytes", bytes},
                        {"bytes_restored", bytes}});
    return;
  }
  context.say(fmt::format("{} {} to {} in {:.1f} s", wanted.dry_run ? "would restore" : "restored",
                          format_bytes(bytes), wanted.device, seconds));
}

}  // namespace

bool is_block_device(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISBLK(status.st_mode);
}

Result<int> restore_to_device(Context& context, const DeviceRestore& wanted) {
  const auto browser = TRY(SnapshotBrowser::open(context));
  const auto place = TRY(browser->find(wanted.snapshot, wanted.filter));
  const Entry& file = place.entry;
  if (file.kind != EntryKind::file) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} is a device, and {} no file: name one, SNAPSHOT:PATH",
                            wanted.device, wanted.snapshot));
  }
  const File device = TRY(open_device(wanted.device));
  const std::uint64_t room = TRY(size_of(device, wanted.device));
  if (room < file.size) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} takes {} bytes, and {} has {}", wanted.snapshot, file.size,
                            wanted.device, room));
  }
  ProgressLine progress(context, "restore", 1);
  progress.progress.files_total = 1;
  progress.progress.bytes_total = file.size;
  if (!wanted.dry_run) {
    TRY_IN(wanted.device,
           for_each_piece(context, *browser, file, [&](ByteSpan piece, std::uint64_t offset) {
             progress.progress.bytes_done += piece.size();
             return write_all_at(device.descriptor(), piece, offset);
           }));
    // A device that fails tells of it only now.
    if (::fsync(device.descriptor()) != 0)
      return fail(system_error("write " + wanted.device, errno));
  }
  if (wanted.verify && !wanted.dry_run) {
    // Of the device, not of what the kernel still has in memory of it.
    ::posix_fadvise(device.descriptor(), 0, 0, POSIX_FADV_DONTNEED);
    TRY_IN(wanted.device,
           for_each_piece(context, *browser, file, [&](ByteSpan piece, std::uint64_t offset) {
             return compare(piece, offset, device);
           }));
  }
  progress.finish();
  print_summary(context, wanted, file.size, progress.seconds());
  return browser->exit_code();
}

}  // namespace lagan::cli
