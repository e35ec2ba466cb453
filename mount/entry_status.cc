// SPDX-License-Identifier: Apache-2.0
#include "mount/entry_status.h"

#include <sys/sysmacros.h>

#include "repo/file_type.h"

namespace lagan {
namespace {

// The largest number means "none", and larger ones are no user's.
std::uint32_t owner_number(std::uint64_t number) {
  constexpr std::uint64_t kLargest = 0xffff'fffe;
  constexpr std::uint32_t kNobody = 65'534;
  return number <= kLargest ? static_cast<std::uint32_t>(number) : kNobody;
}

}  // namespace

struct stat status_of(const Entry& entry, std::uint64_t data_bytes) {
  struct stat status {};
  status.st_mode = file_type(entry.kind) | (entry.mode & 07777);
  status.st_uid = owner_number(entry.uid);
  status.st_gid = owner_number(entry.gid);
  // How many folders are in a folder is not known without reading it: 1, as Btrfs has it.
  status.st_nlink = 1;
  if (entry.kind == EntryKind::file) status.st_size = static_cast<off_t>(entry.size);
  if (entry.kind == EntryKind::symlink)
    status.st_size = static_cast<off_t>(entry.link_target.size());
  status.st_blocks = static_cast<blkcnt_t>((data_bytes + 511) / 512);
  status.st_blksize = 1 << 17;
  status.st_mtim = {entry.mtime, static_cast<long>(entry.mtime_ns)};
  status.st_ctim = status.st_mtim;  // it is not kept
  status.st_atim = status.st_mtim;
  if (entry.atime) status.st_atim = {*entry.atime, static_cast<long>(entry.atime_ns)};
  if (entry.kind == EntryKind::character_device || entry.kind == EntryKind::block_device)
    status.st_rdev = makedev(entry.rdev_major, entry.rdev_minor);
  return status;
}

std::optional<std::uint64_t> data_bytes_of(const Entry& entry) {
  if (entry.list) return std::nullopt;
  std::uint64_t bytes = entry.inline_content.size();
  for (const Slice& slice : entry.slices) bytes += slice.id ? slice.length : 0;
  return bytes;
}

}  // namespace lagan
