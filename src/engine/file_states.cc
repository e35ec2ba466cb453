// SPDX-License-Identifier: Apache-2.0
#include "src/engine/file_states.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "repo/derived_keys.h"
#include "util/coding.h"

namespace lagan {
namespace {

constexpr std::string_view kMagic = "LGNS0003";
constexpr std::size_t kCheckSize = 16;
// magic ‖ snapshot[16] ‖ root offset ‖ files ‖ bytes ‖ started ‖ check[16], at the end of the file
constexpr std::size_t kFooterSize = 8 + SnapshotId::kSize + 4 * 8 + kCheckSize;
// size u64, inode u64, mtime i64, ctime i64, mtime_ns u32, ctime_ns u32, folder u64, name u16,
// message u32, listed u32, kind u8, class u8
constexpr std::size_t kFixedSize = 4 * 8 + 2 * 4 + 8 + 2 + 2 * 4 + 2;
// u64 payload size before each record.
constexpr std::size_t kRecordHead = 8;
constexpr std::uint64_t kRecordMax = std::uint64_t{4} << 30;
constexpr std::size_t kBufferSize = std::size_t{1} << 20;

}  // namespace

const KnownEntry* FolderStates::find(std::string_view name) {
  while (next_ < entries_.size() && entries_[next_].name < name) ++next_;
  if (next_ == entries_.size() || entries_[next_].name != name) return nullptr;
  return &entries_[next_];
}

std::optional<FileStatesReader> FileStatesReader::open(const std::string& path,
                                                       const Repository& repository) {
  auto file = open_file(path, O_RDONLY);
  struct stat status {};
  if (!file || ::fstat(file->descriptor(), &status) != 0) return std::nullopt;
  FileStatesReader reader;
  reader.size_ = static_cast<std::uint64_t>(status.st_size);
  reader.file_ = *std::move(file);
  reader.repository_ = &repository;
  std::array<std::byte, kFooterSize> footer;
  if (reader.size_ < kFooterSize) return std::nullopt;
  const auto got = read_at(reader.file_.descriptor(), footer, reader.size_ - kFooterSize);
  if (!got || *got != kFooterSize) return std::nullopt;
  const std::string_view text = as_text(footer);
  const std::string_view payload = text.substr(0, kFooterSize - kCheckSize);
  if (!payload.starts_with(kMagic) ||
      text.substr(payload.size()) != cache_check(repository, payload))
    return std::nullopt;
  const std::byte* at = footer.data() + kMagic.size();
  reader.snapshot_ = *SnapshotId::from_bytes({at, SnapshotId::kSize});
  reader.root_at_ = load_le<std::uint64_t>(at + SnapshotId::kSize);
  reader.files_ = load_le<std::uint64_t>(at + SnapshotId::kSize + 8);
  reader.bytes_ = load_le<std::uint64_t>(at + SnapshotId::kSize + 16);
  reader.started_ = static_cast<Nanoseconds>(load_le<std::uint64_t>(at + SnapshotId::kSize + 24));
  return reader;
}

FolderStates FileStatesReader::folder(std::uint64_t at) const {
  std::array<std::byte, kRecordHead> head;
  if (at == 0 || at > size_ - kRecordHead) return {};
  if (auto got = read_at(file_.descriptor(), head, at); !got || *got != head.size()) return {};
  const auto payload_size = load_le<std::uint64_t>(head.data());
  if (payload_size > kRecordMax || payload_size + kCheckSize > size_ - at - kRecordHead) return {};
  FolderStates folder;
  folder.bytes_ = Bytes(payload_size + kCheckSize);
  auto got = read_at(file_.descriptor(), folder.bytes_.span(), at + kRecordHead);
  if (!got || *got != folder.bytes_.size()) return {};
  const std::string_view text = as_text(folder.bytes_);
  const std::string_view payload = text.substr(0, payload_size);
  if (text.substr(payload_size) != cache_check(*repository_, payload)) return {};

  for (std::size_t pos = 0; pos + kFixedSize <= payload.size();) {
    const std::byte* raw = folder.bytes_.data() + pos;
    KnownEntry entry;
    entry.status.size = load_le<std::uint64_t>(raw);
    entry.status.inode = load_le<std::uint64_t>(raw + 8);
    entry.status.mtime = static_cast<std::int64_t>(load_le<std::uint64_t>(raw + 16));
    entry.status.ctime = static_cast<std::int64_t>(load_le<std::uint64_t>(raw + 24));
    entry.status.mtime_ns = load_le<std::uint32_t>(raw + 32);
    entry.status.ctime_ns = load_le<std::uint32_t>(raw + 36);
    entry.folder_at = load_le<std::uint64_t>(raw + 40);
    const auto name_size = load_le<std::uint16_t>(raw + 48);
    const auto message_size = load_le<std::uint32_t>(raw + 50);
    const auto listed_size = load_le<std::uint32_t>(raw + 54);
    entry.status.kind = static_cast<EntryKind>(raw[58]);
    entry.chunk_class = static_cast<signed char>(raw[59]);
    pos += kFixedSize;
    if (name_size + std::uint64_t{message_size} + listed_size > payload.size() - pos) return {};
    entry.name = payload.substr(pos, name_size);
    entry.message = payload.substr(pos + name_size, message_size);
    entry.listed = payload.substr(pos + name_size + message_size, listed_size);
    pos += name_size + message_size + listed_size;
    folder.entries_.push_back(entry);
  }
  return folder;
}

FileStatesWriter::FileStatesWriter(std::string path, const Repository& repository)
    : path_(std::move(path)),
      temporary_(fmt::format("{}.tmp-{}", path_, ::getpid())),
      repository_(repository) {
  auto file = open_file(temporary_, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW);
  failed_ = !file;
  if (file) file_ = *std::move(file);
  // Offset 0 stands for "none", so no record lies there.
  write(as_bytes(kMagic));
}

FileStatesWriter::~FileStatesWriter() { ::unlink(temporary_.c_str()); }

void FileStatesWriter::Folder::add(std::string_view name, const SourceStatus& status,
                                   std::string_view message, std::string_view listed,
                                   std::uint64_t folder_at, int chunk_class) {
  append_le(record_, status.size);
  append_le(record_, status.inode);
  append_le(record_, static_cast<std::uint64_t>(status.mtime));
  append_le(record_, static_cast<std::uint64_t>(status.ctime));
  append_le(record_, status.mtime_ns);
  append_le(record_, status.ctime_ns);
  append_le(record_, folder_at);
  append_le(record_, static_cast<std::uint16_t>(name.size()));
  append_le(record_, static_cast<std::uint32_t>(message.size()));
  append_le(record_, static_cast<std::uint32_t>(listed.size()));
  append_le(record_, static_cast<std::uint8_t>(status.kind));
  append_le(record_, static_cast<std::uint8_t>(chunk_class));
  record_ += name;
  record_ += message;
  record_ += listed;
}

std::uint64_t FileStatesWriter::put(const Folder& folder) {
  std::string head;
  append_le(head, std::uint64_t{folder.record_.size()});
  const std::string check = cache_check(repository_, folder.record_);
  const MutexLock lock(mutex_);
  const std::uint64_t at = size_;
  write(as_bytes(head));
  write(as_bytes(folder.record_));
  write(as_bytes(check));
  return at;
}

void FileStatesWriter::write(ByteSpan bytes) {
  size_ += bytes.size();
  buffer_ += as_text(bytes);
  if (buffer_.size() < kBufferSize) return;
  if (!failed_) failed_ = !write_all(file_.descriptor(), as_bytes(buffer_));
  buffer_.clear();
}

void FileStatesWriter::commit(const SnapshotId& snapshot, std::uint64_t root_at,
                              std::uint64_t files, std::uint64_t bytes, Nanoseconds started) {
  std::string footer(kMagic);
  footer += as_text(snapshot.span());
  append_le(footer, root_at);
  append_le(footer, files);
  append_le(footer, bytes);
  append_le(footer, static_cast<std::uint64_t>(started));
  footer += cache_check(repository_, footer);
  const MutexLock lock(mutex_);
  write(as_bytes(footer));
  if (!failed_) failed_ = !write_all(file_.descriptor(), as_bytes(buffer_));
  if (!failed_) ::rename(temporary_.c_str(), path_.c_str());
}

}  // namespace lagan
