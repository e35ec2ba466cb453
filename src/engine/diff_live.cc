// SPDX-License-Identifier: Apache-2.0
#include "src/engine/diff_live.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>

#include "repo/entry_compare.h"
#include "repo/limits.h"
#include "src/engine/directory_cursor.h"
#include "src/engine/source_entry.h"
#include "src/engine/source_folder.h"
#include "util/file.h"

namespace lagan {
namespace {

// Not updating the access time needs ownership of the file.
File open_quietly(int folder, const std::string& name) {
  constexpr int kFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  const int quiet = ::openat(folder, name.c_str(), kFlags | O_NOATIME);
  if (quiet >= 0 || errno != EPERM) return File(quiet);
  return File(::openat(folder, name.c_str(), kFlags));
}

class LiveDiff {
 public:
  LiveDiff(const ChunkSource& source, const SecretKey& id_key, const LiveDiffOptions& options,
           const DiffVisitor& visitor)
      : source_(source), id_key_(id_key), options_(options), visitor_(visitor) {}

  Result<DiffResult> run(const Entry& before, const std::string& path) {
    if (before.kind == EntryKind::directory) {
      const File folder = open_folder_behind(AT_FDCWD, path.c_str());
      if (!folder.is_open()) return fail(system_error("open folder", errno).in(path));
      TRY(compare_folders(path, before.subtree, folder.descriptor(), 0));
    } else {
      const auto status = TRY_IN(path, source_status(AT_FDCWD, path.c_str()));
      TRY(compare_entries({AT_FDCWD, path, path}, before, status, 0));
    }
    return result_;
  }

 private:
  // A name in an open folder.
  struct Place {
    int folder;
    std::string name, path;
  };

  Result<void> compare_folders(const std::string& path, const Subtree& before, int folder,
                               std::size_t depth);
  Result<void> compare_entries(const Place& at, const Entry& before, const SourceStatus& status,
                               std::size_t depth);
  Result<void> tell_added(const Place& at, std::size_t depth);
  Result<void> tell_removed(const std::string& path, const Entry& entry, std::size_t depth);
  Result<void> change(const std::string& path, EntryKind kind, const std::string& modifier) {
    return visitor_.change(kind == EntryKind::directory ? path + "/" : path, modifier);
  }
  Result<bool> same_attributes(const Place& at, const Entry& before, const SourceStatus& status);
  Result<bool> same_bytes(const Place& at, const Entry& before);
  Result<bool> same_slice(int file, const Slice& slice, std::uint64_t offset);
  // Borrowed from the buffer until the next call; nothing if the file is shorter.
  Result<std::optional<ByteSpan>> read_exactly(int file, std::size_t length, std::uint64_t offset);
  std::optional<Entry> next(const std::string& path, DirectoryCursor& cursor);
  static void count(DiffCounts& counts, EntryKind kind, std::uint64_t size);

  const ChunkSource& source_;
  const SecretKey& id_key_;
  const LiveDiffOptions& options_;
  const DiffVisitor& visitor_;
  OwnerNames owners_;
  Bytes buffer_{limits::kChunkBytes};
  DiffResult result_;
};

void LiveDiff::count(DiffCounts& counts, EntryKind kind, std::uint64_t size) {
  ++(kind == EntryKind::file        ? counts.files
     : kind == EntryKind::directory ? counts.dirs
                                    : counts.others);
  if (kind == EntryKind::file) counts.bytes += size;
}

// Passes over what cannot be read.
std::optional<Entry> LiveDiff::next(const std::string& path, DirectoryCursor& cursor) {
  while (true) {
    const auto message = cursor.entry();
    if (message && !*message) return std::nullopt;
    auto entry = message ? decode_entry(as_bytes(**message)) : fail(message.error());
    if (entry) return *std::move(entry);
    visitor_.trouble(path, entry.error());
    if (message) cursor.advance();
  }
}

Result<void> LiveDiff::compare_folders(const std::string& path, const Subtree& before, int folder,
                                       std::size_t depth) {
  if (depth > limits::kPathDepth) {
    visitor_.trouble(path,
                     Error{ErrorCode::unsupported, "folders nest too deep", Retry::never, {}});
    return {};
  }
  const auto names = list_names(folder);
  if (!names) {
    visitor_.trouble(path, names.error());
    return {};
  }
  DirectoryCursor cursor(source_, before.id, [](const ChunkId&, std::size_t) {});
  auto live = names->begin();
  while (true) {
    if (options_.is_stopped()) return fail(ErrorCode::cancelled, "interrupted");
    const auto entry = next(path, cursor);
    if (!entry && live == names->end()) return {};
    const bool is_added = live != names->end() && (!entry || *live < entry->name);
    if (is_added) {
      TRY(tell_added({folder, *live, join_path(path, *live)}, depth));
      ++live;
      continue;
    }
    const std::string below = join_path(path, entry->name);
    if (live == names->end() || entry->name < *live) {
      TRY(tell_removed(below, *entry, depth));
    } else {
      const auto status = source_status(folder, live->c_str());
      if (status) TRY(compare_entries({folder, *live, below}, *entry, *status, depth));
      if (!status) visitor_.trouble(below, status.error());
      ++live;
    }
    cursor.advance();
  }
}

Result<void> LiveDiff::compare_entries(const Place& at, const Entry& before,
                                       const SourceStatus& status, std::size_t depth) {
  if (before.kind != status.kind) {
    TRY(change(at.path, status.kind, "T"));
    count(result_.removed, before.kind, before.size);
    count(result_.added, status.kind, status.size);
    return {};
  }
  std::string modifier;
  const bool same_time = before.mtime == status.mtime && before.mtime_ns == status.mtime_ns;
  bool same = true;
  if (before.kind == EntryKind::file) {
    same = before.size == status.size;
    // The snapshot has nothing of it.
    const bool is_unknown = before.state == EntryState::unreadable;
    if (same && (options_.content || !same_time || is_unknown)) {
      const auto compared = same_bytes(at, before);
      if (!compared && compared.error().code == ErrorCode::cancelled)
        return fail(Error(compared.error()));
      if (!compared) visitor_.trouble(at.path, compared.error());
      same = !compared || *compared;
    }
    if (!same) ++result_.changed_files;
  } else if (before.kind == EntryKind::symlink) {
    const auto target = read_link_target(at.folder, at.name.c_str());
    if (!target) visitor_.trouble(at.path, target.error());
    same = !target || *target == before.link_target;
  }
  if (!same) {
    // A disk that forgets, or a program that hides what it did.
    const bool is_hidden = before.kind == EntryKind::file && same_time &&
                           before.size == status.size && before.state != EntryState::unreadable;
    modifier = is_hidden ? "M?" : "M";
  } else if (options_.metadata) {
    const auto compared = same_attributes(at, before, status);
    if (!compared) visitor_.trouble(at.path, compared.error());
    if (compared && !*compared) modifier = "U";
  }
  if (!modifier.empty()) TRY(change(at.path, status.kind, modifier));
  if (status.kind != EntryKind::directory) return {};
  const File folder = open_source_folder(at.folder, at.name.c_str());
  if (folder.is_open())
    return compare_folders(at.path, before.subtree, folder.descriptor(), depth + 1);
  visitor_.trouble(at.path, system_error("open folder", errno));
  return {};
}

Result<void> LiveDiff::tell_added(const Place& at, std::size_t depth) {
  const auto status = source_status(at.folder, at.name.c_str());
  if (!status) {
    visitor_.trouble(at.path, status.error());
    return {};
  }
  TRY(change(at.path, status->kind, "+"));
  count(result_.added, status->kind, status->size);
  if (status->kind != EntryKind::directory) return {};
  const File folder = open_source_folder(at.folder, at.name.c_str());
  if (folder.is_open()) return compare_folders(at.path, {}, folder.descriptor(), depth + 1);
  visitor_.trouble(at.path, system_error("open folder", errno));
  return {};
}

Result<void> LiveDiff::tell_removed(const std::string& path, const Entry& entry,
                                    std::size_t depth) {
  if (options_.is_stopped()) return fail(ErrorCode::cancelled, "interrupted");
  TRY(change(path, entry.kind, "-"));
  count(result_.removed, entry.kind, entry.size);
  if (depth > limits::kPathDepth) return {};
  DirectoryCursor cursor(source_, entry.subtree.id, [](const ChunkId&, std::size_t) {});
  while (const auto below = next(path, cursor)) {
    TRY(tell_removed(join_path(path, below->name), *below, depth + 1));
    cursor.advance();
  }
  return {};
}

// Access times say nothing: a backup may have been told to keep them, and reading changes them.
Result<bool> LiveDiff::same_attributes(const Place& at, const Entry& before,
                                       const SourceStatus& status) {
  Entry now = entry_of(before.name, status, owners_);
  const StoreValue identify = [this](ByteSpan value) -> Result<std::vector<Slice>> {
    return std::vector<Slice>{{chunk_id(id_key_, ChunkKind::data, value), 0, value.size()}};
  };
  const bool can_open = now.kind == EntryKind::file || now.kind == EntryKind::directory;
  if (can_open) {
    const File file = open_quietly(at.folder, at.name);
    if (!file.is_open()) return fail(system_error("open", errno));
    now.xattrs = TRY(read_xattrs(file.descriptor(), identify));
    read_inode_flags(file.descriptor(), now);
  } else {
    const std::string path =
        at.folder == AT_FDCWD ? at.name : fmt::format("/proc/self/fd/{}/{}", at.folder, at.name);
    now.xattrs = TRY(read_link_xattrs(path, identify));
  }
  Entry then = before;
  then.atime.reset();
  then.atime_ns = 0;
  then.state = EntryState::as_read;
  return attributes_of(then) == attributes_of(now);
}

Result<bool> LiveDiff::same_bytes(const Place& at, const Entry& before) {
  const File file = open_quietly(at.folder, at.name);
  if (!file.is_open()) return fail(system_error("open", errno));
  if (before.state != EntryState::as_read) return false;  // it never was what the snapshot has
  const std::string& small = before.inline_content;
  if (!small.empty()) {
    const auto stored = TRY(read_exactly(file.descriptor(), small.size(), 0));
    if (!stored || as_text(*stored) != small) return false;
  }
  bool same = true;
  std::uint64_t offset = small.size();
  const auto walked = for_each_slice(source_, before, [&](const Slice& slice) -> Result<void> {
    if (options_.is_stopped()) return fail(ErrorCode::cancelled, "interrupted");
    same = TRY(same_slice(file.descriptor(), slice, offset));
    offset += slice.length;
    return same ? Result<void>() : fail(ErrorCode::invalid_argument, "differs");
  });
  if (!same) return false;
  if (!walked) return fail(Error(walked.error()));
  return true;
}

Result<std::optional<ByteSpan>> LiveDiff::read_exactly(int file, std::size_t length,
                                                       std::uint64_t offset) {
  const MutableByteSpan into = buffer_.span().first(length);
  if (TRY(read_at(file, into, offset)) != length) return std::nullopt;
  return into;
}

Result<bool> LiveDiff::same_slice(int file, const Slice& slice, std::uint64_t offset) {
  if (!slice.id) {
    for (std::uint64_t done = 0; done < slice.length;) {
      const std::uint64_t length = std::min<std::uint64_t>(buffer_.size(), slice.length - done);
      const auto live = TRY(read_exactly(file, length, offset + done));
      const auto is_zero = [](std::byte byte) { return byte == std::byte{0}; };
      if (!live || !std::ranges::all_of(*live, is_zero)) return false;
      done += length;
    }
    return true;
  }
  if (slice.length > buffer_.size()) return fail(ErrorCode::corrupt, "a slice is too long");
  const auto live = TRY(read_exactly(file, slice.length, offset));
  if (!live) return false;
  if (chunk_id(id_key_, ChunkKind::data, *live) == *slice.id) return true;
  // A slice may be a part of its chunk.
  const Bytes chunk = TRY(source_(*slice.id, ChunkKind::data));
  if (slice.offset > chunk.size() || slice.length > chunk.size() - slice.offset)
    return fail(ErrorCode::corrupt, "a slice lies beyond its chunk");
  return std::ranges::equal(chunk.span().subspan(slice.offset, slice.length), *live);
}

}  // namespace

Result<DiffResult> diff_live(const ChunkSource& source, const SecretKey& id_key,
                             const Entry& before, const std::string& path,
                             const LiveDiffOptions& options, const DiffVisitor& visitor) {
  return LiveDiff(source, id_key, options, visitor).run(before, path);
}

}  // namespace lagan
