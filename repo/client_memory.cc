// SPDX-License-Identifier: Apache-2.0
#include "repo/client_memory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "crypto/hash.h"
#include "util/coding.h"
#include "util/file.h"

namespace lagan {
namespace {

constexpr std::size_t kCheckSize = 8;
constexpr std::size_t kRecordSize = RepositoryId::kSize + 8;
constexpr std::size_t kRecordWithSlotSize = kRecordSize + KeySlotId::kSize;
constexpr Nanoseconds kSecond = 1'000'000'000;
constexpr Nanoseconds kDay = 24 * 3600 * kSecond;

Nanoseconds modified(const struct stat& status) {
  return status.st_mtim.tv_sec * kSecond + status.st_mtim.tv_nsec;
}

std::optional<Nanoseconds> modified(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return modified(status);
}

void set_modified(const std::string& path, Nanoseconds time) {
  const timespec when{time / kSecond, time % kSecond};
  const timespec times[2] = {when, when};
  static_cast<void>(::utimensat(AT_FDCWD, path.c_str(), times, 0));
}

// What cannot be looked at, for another process is deleting it, counts as nothing.
std::uint64_t size_on_disk(const std::string& folder) {
  namespace fs = std::filesystem;
  std::uint64_t size = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    struct stat status {};
    if (::lstat(at->path().c_str(), &status) != 0) continue;
    size += static_cast<std::uint64_t>(status.st_blocks) * 512;  // st_blocks counts these
  }
  return size;
}

// What a bad disk has changed would look like another repository.
std::string check_of(std::string_view record) {
  return std::string(as_text(ByteSpan(hash(as_bytes(record))).first(kCheckSize)));
}

}  // namespace

Result<std::string> ClientMemory::repository_folder(const RepositoryId& id) const {
  const std::string folder = fmt::format("{}/{}", root_, id.hex());
  TRY(make_directories(folder));
  const std::string tag = root_ + "/CACHEDIR.TAG";
  if (::access(tag.c_str(), F_OK) != 0) TRY(replace_file(tag, as_bytes(kCacheTag)));
  return folder;
}

void ClientMemory::mark_used(const RepositoryId& id, Nanoseconds now) const {
  set_modified(fmt::format("{}/{}", root_, id.hex()), now);
}

Result<std::vector<ClientMemory::Folder>> ClientMemory::folders() const {
  namespace fs = std::filesystem;
  std::vector<Folder> found;
  std::error_code error;
  fs::directory_iterator at(root_, error);
  if (error == std::errc::no_such_file_or_directory) return found;
  for (const fs::directory_iterator end; !error && at != end; at.increment(error)) {
    const auto id = RepositoryId::from_hex(at->path().filename().string());
    const std::string path = at->path().string();
    struct stat status {};
    if (!id || ::lstat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) continue;
    found.push_back({*id, path, modified(status), size_on_disk(path)});
  }
  if (error) return fail(system_error("list " + root_, error.value()));
  std::ranges::sort(found, {}, &Folder::used);
  return found;
}

Result<void> ClientMemory::remove(const Folder& folder) const {
  std::error_code error;
  std::filesystem::remove_all(folder.path, error);
  if (error) return fail(system_error("remove " + folder.path, error.value()));
  return {};
}

Result<void> ClientMemory::prune(std::uint64_t limit_bytes, const RepositoryId& in_use,
                                 Nanoseconds now) const {
  const std::string stamp = root_ + "/last-prune";
  const auto last = modified(stamp);
  if (last && *last <= now && now - *last < kDay) return {};
  TRY(replace_file(stamp, {}));
  set_modified(stamp, now);
  const auto all = TRY(folders());
  std::uint64_t total = 0;
  for (const Folder& folder : all) total += folder.size_bytes;
  for (const Folder& folder : all) {
    if (total <= limit_bytes) return {};
    if (folder.repository == in_use || now - folder.used < kDay) continue;
    TRY(remove(folder));
    total -= folder.size_bytes;
  }
  return {};
}

std::string ClientMemory::location_file(std::string_view location) const {
  return fmt::format("{}/locations/{}", root_,
                     to_hex(ByteSpan(hash(as_bytes(location))).first(16)));
}

std::optional<ClientMemory::Seen> ClientMemory::recall(std::string_view location) const {
  const auto record = read_file(location_file(location), kRecordWithSlotSize + kCheckSize);
  if (!record || record->size() < kCheckSize) return std::nullopt;
  const ByteSpan bytes = record->span().first(record->size() - kCheckSize);
  if ((bytes.size() != kRecordSize && bytes.size() != kRecordWithSlotSize) ||
      as_text(*record).substr(bytes.size()) != check_of(as_text(bytes)))
    return std::nullopt;
  Seen seen{*RepositoryId::from_bytes(bytes.first(RepositoryId::kSize)),
            load_le<std::uint64_t>(bytes.data() + RepositoryId::kSize), std::nullopt};
  if (bytes.size() == kRecordWithSlotSize)
    seen.slot = KeySlotId::from_bytes(bytes.last(KeySlotId::kSize));
  return seen;
}

Result<void> ClientMemory::remember(std::string_view location, const Seen& seen) const {
  if (recall(location) == seen) return {};
  std::string record(as_text(seen.repository.span()));
  append_le(record, seen.config_revision);
  if (seen.slot) record += as_text(seen.slot->span());
  record += check_of(record);
  TRY(make_directories(root_ + "/locations"));
  return replace_file(location_file(location), as_bytes(record));
}

Result<void> ClientMemory::forget(std::string_view location) const {
  if (::unlink(location_file(location).c_str()) != 0 && errno != ENOENT) {
    return fail(system_error("forget location", errno));
  }
  return {};
}

}  // namespace lagan
