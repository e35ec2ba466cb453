// SPDX-License-Identifier: Apache-2.0
#include "src/engine/file_storer.h"

#include <fcntl.h>
#include <unistd.h>

namespace lagan {
namespace {

constexpr int kAttempts = 3;
// A file no larger than a block of its file system has a hole only if it has no block at all.
constexpr std::uint64_t kSmallestBlock = 4096;

// Not blocking: what was a file may have become a pipe.
File open_source(int folder, const char* name) {
  constexpr int kFlags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  const int quiet = ::openat(folder, name, kFlags | O_NOATIME);
  if (quiet >= 0 || errno != EPERM) return File(quiet);
  return File(::openat(folder, name, kFlags));
}

}  // namespace

Result<void> FileStorer::store(const FileJob& job) {
  for (int i = 1; i <= kAttempts; ++i) {
    Attempt outcome = TRY(attempt(job, i == kAttempts));
    if (outcome.changed_meanwhile && i < kAttempts) continue;
    if (outcome.changed_meanwhile && !outcome.source_error) {
      outcome.source_error = Error{
          ErrorCode::io, "changed while it was read; stored as it was read last", Retry::never, {}};
    }
    if (outcome.source_error) {
      ++observer_.progress.errors;
      observer_.trouble(job.path(), *outcome.source_error);
    }
    if (outcome.entry && observer_.wants_items()) {
      observer_.item(job.path(), job.was_known ? ItemChange::changed : ItemChange::added,
                     outcome.entry->status.size);
    }
    ++observer_.progress.files_done;
    job.folder->complete(job.number, std::move(outcome.entry));
    return {};
  }
  return {};
}

Result<FileStorer::Attempt> FileStorer::attempt(const FileJob& job, bool is_last) {
  Attempt result;
  const File file = open_source(job.folder->folder.descriptor(), job.name.c_str());
  if (!file.is_open()) {
    result.source_error = system_error("open", errno);
    return result;
  }
  const int descriptor = file.descriptor();
  const auto before = source_status(descriptor, "");
  if (!before || before->kind != EntryKind::file) {
    result.source_error =
        before ? Error{ErrorCode::io, "is no longer a regular file", Retry::never, {}}
               : before.error();
    return result;
  }
  Entry entry = entry_of(job.name, *before, owners_);
  entry.hardlink = job.hardlink;
  read_inode_flags(descriptor, entry);

  // The lambda's errors are the repository's; everything else that fails here is the source's.
  std::optional<Error> repository_error;
  auto attributes = read_xattrs(descriptor, [&](ByteSpan value) {
    auto slices = content_.store_value(value);
    if (!slices) repository_error = slices.error();
    return slices;
  });
  if (repository_error) return fail(*std::move(repository_error));
  if (attributes) entry.xattrs = *std::move(attributes);
  if (!attributes) result.source_error = std::move(attributes).error();

  // Room reserved beyond the end, or blocks of attributes, can make up for holes.
  const bool may_have_holes =
      before->blocks * 512 < before->size ||
      (before->size > kSmallestBlock &&
       ::lseek(descriptor, 0, SEEK_HOLE) < static_cast<off_t>(before->size));
  auto outcome =
      TRY(content_.read_file(descriptor, before->size, may_have_holes, job.previous_class, entry));
  if (outcome.source_error) {
    entry.state = EntryState::partly_unreadable;
    result.source_error = std::move(outcome.source_error);
  }
  const auto after = source_status(descriptor, "");
  result.changed_meanwhile = !after || !after->looks_like(*before) || outcome.size != before->size;
  if (result.changed_meanwhile && !is_last) return result;
  if (result.changed_meanwhile && entry.state == EntryState::as_read)
    entry.state = EntryState::changed_while_read;

  SourceStatus status = *before;
  status.size = entry.size;
  if (entry.state != EntryState::as_read || result.source_error || is_racy(status)) {
    status.look_like_nothing();
  }
  result.entry = DoneEntry{.name = job.name,
                           .message = encode(entry),
                           .status = status,
                           .chunk_class = outcome.chunk_class,
                           .listed = std::move(outcome.listed)};
  return result;
}

}  // namespace lagan
