// SPDX-License-Identifier: Apache-2.0
#include "src/engine/file_storer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "repo/file_content.h"
#include "repo/limits.h"
#include "src/engine/fitting_xattrs.h"
#include "util/file.h"

namespace lagan {
namespace {

constexpr int kAttempts = 3;
// A file no larger than a block of its file system has a hole only if it has no block at all.
constexpr std::uint64_t kSmallestBlock = 4096;

// Not blocking: what was a file may have become a pipe.
File open_source(const FileJob& job) {
  const int folder = job.source.empty() ? job.folder->folder.descriptor() : AT_FDCWD;
  const char* name = (job.source.empty() ? job.name : job.source).c_str();
  constexpr int kFlags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  const int quiet = ::openat(folder, name, kFlags | O_NOATIME);
  if (quiet >= 0 || errno != EPERM) return File(quiet);
  return File(::openat(folder, name, kFlags));
}

Error opening_error(int number) {
  if (number == ELOOP || number == ENXIO)
    return Error{ErrorCode::io, "is no longer a regular file", Retry::never, {}};
  return system_error("open", number);
}

Error too_large() {
  return Error{ErrorCode::unsupported,
               "is larger than 4 EiB, which no snapshot can hold: its content is left out",
               Retry::never,
               {}};
}

// What was saved of the job's file, if it still looks as it did then.
std::optional<Entry> saved_entry(const FileJob& job, const SourceStatus& status) {
  if (!job.saved || !status.has_content_of(job.saved->status)) return std::nullopt;
  if (job.saved->use == SavedFile::Use::compare && !status.has_ctime_of(job.saved->status))
    return std::nullopt;
  auto entry = decode_entry(as_bytes(job.saved->message));
  return entry ? std::optional(*std::move(entry)) : std::nullopt;
}

ContentReader::Outcome take_content(const Entry& saved, const SavedFile& known, Entry& entry) {
  entry.size = saved.size;
  entry.inline_content = saved.inline_content;
  entry.slices = saved.slices;
  entry.list = saved.list;
  return {saved.size, known.chunk_class, known.listed, std::nullopt};
}

}  // namespace

Result<bool> FileStorer::reads_as_saved(int descriptor, const Entry& entry,
                                        const Entry& saved) const {
  if (entry.size == saved.size && entry.inline_content == saved.inline_content &&
      entry.slices == saved.slices && entry.list == saved.list) {
    return true;
  }
  // The same bytes are cut otherwise where the file system tells other holes than it did.
  std::uint64_t at = 0;
  bool is_equal = true;
  Bytes found;
  TRY(read_content(stored_, saved, [&](ByteSpan expected) -> Result<void> {
    if (found.size() < expected.size()) found = Bytes(expected.size());
    const auto got = read_at(descriptor, found.span().first(expected.size()), at);
    at += expected.size();
    is_equal = is_equal && got && *got == expected.size() &&
               std::ranges::equal(found.span().first(expected.size()), expected);
    return {};
  }));
  return is_equal;
}

std::optional<Error> FileStorer::compare(int descriptor, const SavedFile& known, const Entry& saved,
                                         Entry& entry, ContentReader::Outcome& outcome) const {
  std::optional<Error> found = std::move(outcome.source_error);
  if (!found) {
    const auto is_same = reads_as_saved(descriptor, entry, saved);
    if (!is_same) return Error(is_same.error()).in("compare with what was saved");
    if (!*is_same) {
      found =
          Error{ErrorCode::corrupt,
                "reads otherwise than when it was saved, though its size and times are the same: "
                "is the disk failing?",
                Retry::never,
                {}};
    }
  }
  outcome = take_content(saved, known, entry);
  if (found) found->message += "; the snapshot has what was saved before";
  return found;
}

Result<void> FileStorer::store(const FileJob& job) {
  for (int i = 1; i <= kAttempts; ++i) {
    const bool is_special = job.status.kind != EntryKind::file;
    Attempt outcome = TRY(is_special ? attempt_special(job) : attempt(job, i == kAttempts));
    if (outcome.changed_meanwhile && i < kAttempts) continue;
    if (outcome.changed_meanwhile && !outcome.source_error) {
      outcome.source_error = Error{
          ErrorCode::io, "changed while it was read; stored as it was read last", Retry::never, {}};
    }
    if (outcome.source_error) {
      ++observer_.progress.errors;
      observer_.trouble(job.path(), *outcome.source_error);
    }
    if (outcome.entry && outcome.was_read && observer_.wants_items()) {
      const bool is_same = job.saved && job.saved->message == outcome.entry->message;
      observer_.item(job.path(),
                     is_same         ? ItemChange::unchanged
                     : job.was_known ? ItemChange::changed
                                     : ItemChange::added,
                     outcome.entry->status.size);
    }
    ++observer_.progress.files_done;
    job.folder->complete(job.number, std::move(outcome.entry));
    return {};
  }
  return {};
}

// An error is the repository's; what else fails here is the source's.
Result<void> FileStorer::read_attributes(int descriptor, Entry& entry,
                                         std::optional<Error>& source_error) {
  std::optional<Error> repository_error;
  auto attributes = read_xattrs(descriptor, [&](ByteSpan value) {
    auto slices = content_.store_value(value);
    if (!slices) repository_error = slices.error();
    return slices;
  });
  if (repository_error) return fail(*std::move(repository_error));
  source_error =
      attributes ? set_xattrs(entry, *std::move(attributes)) : std::move(attributes).error();
  return {};
}

// Its attributes are kept as they were listed, so that nobody takes it for something that was not
// there: a restore with --delete would delete it.
FileStorer::Attempt FileStorer::unreadable(const FileJob& job, Error error) {
  Attempt result;
  if (error.code != ErrorCode::not_found) {
    Entry entry = entry_of(job.name, job.status, owners_);
    entry.kind = EntryKind::file;
    entry.rdev_major = entry.rdev_minor = 0;
    entry.hardlink = job.hardlink;
    entry.state = EntryState::unreadable;
    SourceStatus status = job.status;
    status.kind = EntryKind::file;
    status.size = entry.size;
    status.look_like_nothing();
    result.entry = DoneEntry{.name = job.name, .message = encode(entry), .status = status};
    result.was_read = false;
  }
  result.source_error = std::move(error);
  return result;
}

// Nothing tells whether a device changed while it was read, so nobody looks; and the next run reads
// it again. Inode flags are not asked for: a driver might take that for something else.
Result<FileStorer::Attempt> FileStorer::attempt_special(const FileJob& job) {
  Attempt result;
  const File file = open_source(job);
  if (!file.is_open()) return unreadable(job, system_error("open", errno));
  const int descriptor = file.descriptor();
  const auto found = source_status(descriptor, "");
  if (!found || found->kind != job.status.kind) {
    return unreadable(job, found ? Error{ErrorCode::io, "is something else now", Retry::never, {}}
                                 : found.error());
  }
  Entry entry = entry_of(job.name, *found, owners_);
  entry.kind = EntryKind::file;
  entry.rdev_major = entry.rdev_minor = 0;
  const off_t size =
      found->kind == EntryKind::block_device ? ::lseek(descriptor, 0, SEEK_END) : off_t{-1};
  if (size >= 0 && static_cast<std::uint64_t>(size) > limits::kFileBytes)
    return unreadable(job, too_large());
  TRY(read_attributes(descriptor, entry, result.source_error));
  auto outcome = TRY(size >= 0 ? content_.read_file(descriptor, static_cast<std::uint64_t>(size),
                                                    false, job.previous_class, entry)
                               : content_.read_stream(descriptor, entry));
  if (outcome.source_error) {
    entry.state = EntryState::partly_unreadable;
    result.source_error = std::move(outcome.source_error);
  }
  SourceStatus status = *found;
  status.kind = EntryKind::file;
  status.size = entry.size;
  status.look_like_nothing();
  result.entry = DoneEntry{.name = job.name,
                           .message = encode(entry),
                           .status = status,
                           .chunk_class = outcome.chunk_class,
                           .listed = std::move(outcome.listed)};
  return result;
}

Result<FileStorer::Attempt> FileStorer::attempt(const FileJob& job, bool is_last) {
  Attempt result;
  const File file = open_source(job);
  if (!file.is_open()) return unreadable(job, opening_error(errno));
  const int descriptor = file.descriptor();
  const auto before = source_status(descriptor, "");
  if (!before || before->kind != EntryKind::file) {
    return unreadable(job,
                      before ? Error{ErrorCode::io, "is no longer a regular file", Retry::never, {}}
                             : before.error());
  }
  if (before->size > limits::kFileBytes) return unreadable(job, too_large());
  Entry entry = entry_of(job.name, *before, owners_);
  entry.hardlink = job.hardlink;
  read_inode_flags(descriptor, entry);

  TRY(read_attributes(descriptor, entry, result.source_error));

  bool is_settled = !result.source_error;

  const std::optional<Entry> saved = saved_entry(job, *before);
  ContentReader::Outcome outcome;
  if (saved && job.saved->use == SavedFile::Use::take) {
    outcome = take_content(*saved, *job.saved, entry);
  } else {
    // Room reserved beyond the end, or blocks of attributes, can make up for holes.
    const bool may_have_holes =
        before->blocks * 512 < before->size ||
        (before->size > kSmallestBlock &&
         ::lseek(descriptor, 0, SEEK_HOLE) < static_cast<off_t>(before->size));
    outcome = TRY(
        content_.read_file(descriptor, before->size, may_have_holes, job.previous_class, entry));
  }
  const auto after = source_status(descriptor, "");
  result.changed_meanwhile = !after || !after->looks_like(*before) || outcome.size != before->size;
  if (saved && job.saved->use == SavedFile::Use::compare &&
      (!result.changed_meanwhile || outcome.source_error)) {
    if (auto found = compare(descriptor, *job.saved, *saved, entry, outcome))
      result.source_error = std::move(found);
    result.changed_meanwhile = false;
  }
  if (result.changed_meanwhile && !is_last) return result;
  if (outcome.source_error) {
    entry.state = EntryState::partly_unreadable;
    result.source_error = std::move(outcome.source_error);
    is_settled = false;
  } else if (result.changed_meanwhile && entry.state == EntryState::as_read) {
    entry.state = EntryState::changed_while_read;
  }

  SourceStatus status = *before;
  status.size = entry.size;
  if (entry.state != EntryState::as_read || !is_settled || is_racy(status, descriptor))
    status.look_like_nothing();
  result.entry = DoneEntry{.name = job.name,
                           .message = encode(entry),
                           .status = status,
                           .chunk_class = outcome.chunk_class,
                           .listed = std::move(outcome.listed)};
  return result;
}

}  // namespace lagan
