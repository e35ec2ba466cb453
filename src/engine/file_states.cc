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

constexpr std::string_view kMagic = "LGNS0004";
constexpr std::size_t kCheckSize = 16;
// magic ‖ snapshot[16] ‖ root offset ‖ files ‖ bytes ‖ started ‖ check[16], at the end of the file
constexpr std::size_t kFooterSize = 8 + SnapshotId::kSize + 4 * 8 + kCheckSize;
// size u64, inode u64, mtime i64, ctime i64, mtime_ns u32, ctime_ns u32, folder u64, name u16,
// message u32, listed u32, kind u8, class u8
constexpr std::size_t kFixedSize = 4 * 8 + 2 * 4 + 8 + 2 + 2 * 4 + 2;
// u64 payload size before each record; in it the number of earlier records of the folder and where
// they lie, u32 and u64 each, then entries.
constexpr std::size_t kRecordHead = 8;
constexpr std::uint64_t kRecordMax = std::uint64_t{4} << 30;
// A record ends after so much: 1,500 small files. Every folder on the way down has one in memory.
constexpr std::size_t kRecordFull = std::size_t{256} << 10;
constexpr std::size_t kBufferSize = std::size_t{1} << 20;

// The earlier records that a record names; takes them off `payload`.
std::vector<std::uint64_t> take_records(std::string_view& payload) {
  std::vector<std::uint64_t> records;
  if (payload.size() < 4) return records;
  const auto count = load_le<std::uint32_t>(as_bytes(payload).data());
  payload.remove_prefix(4);
  if (count > payload.size() / 8) return records;
  for (std::size_t i = 0; i < count; ++i)
    records.push_back(load_le<std::uint64_t>(as_bytes(payload).data() + 8 * i));
  payload.remove_prefix(8 * records.size());
  return records;
}

std::vector<KnownEntry> parse_entries(std::string_view payload) {
  std::vector<KnownEntry> entries;
  while (payload.size() >= kFixedSize) {
    const std::byte* raw = as_bytes(payload).data();
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
    payload.remove_prefix(kFixedSize);
    if (name_size + std::uint64_t{message_size} + listed_size > payload.size()) return {};
    const auto take = [&](std::size_t size) {
      const std::string_view taken = payload.substr(0, size);
      payload.remove_prefix(size);
      return taken;
    };
    entry.name = take(name_size);
    entry.message = take(message_size);
    entry.listed = take(listed_size);
    entries.push_back(entry);
  }
  return entries;
}

}  // namespace

const KnownEntry* FolderStates::find(std::string_view name) {
  while (true) {
    while (next_ < entries_.size() && entries_[next_].name < name) ++next_;
    if (next_ < entries_.size()) return entries_[next_].name == name ? &entries_[next_] : nullptr;
    if (is_last()) return nullptr;
    go_to(current_ + 1);
  }
}

void FolderStates::for_each(const std::function<void(const KnownEntry&)>& each) {
  for (std::size_t i = 0; i < records_.size(); ++i) {
    if (i != current_) go_to(i);
    for (const KnownEntry& entry : entries_) each(entry);
  }
  if (current_ != 0) go_to(0);
}

void FolderStates::go_to(std::size_t number) {
  current_ = number;
  next_ = 0;
  bytes_ = reader_->record(records_[number]);
  std::string_view payload = as_text(bytes_);
  (void)take_records(payload);
  entries_ = parse_entries(payload);
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

Bytes FileStatesReader::record(std::uint64_t at) const {
  std::array<std::byte, kRecordHead> head;
  if (at == 0 || at > size_ || size_ - at < kRecordHead) return {};
  if (auto got = read_at(file_.descriptor(), head, at); !got || *got != head.size()) return {};
  const auto payload_size = load_le<std::uint64_t>(head.data());
  if (payload_size > kRecordMax || payload_size + kCheckSize > size_ - at - kRecordHead) return {};
  Bytes bytes(payload_size + kCheckSize);
  auto got = read_at(file_.descriptor(), bytes.span(), at + kRecordHead);
  if (!got || *got != bytes.size()) return {};
  const std::string_view text = as_text(bytes);
  if (text.substr(payload_size) != cache_check(*repository_, text.substr(0, payload_size)))
    return {};
  bytes.truncate(payload_size);
  return bytes;
}

FolderStates FileStatesReader::folder(std::uint64_t at) const {
  FolderStates folder;
  folder.reader_ = this;
  folder.bytes_ = record(at);
  std::string_view payload = as_text(folder.bytes_);
  folder.records_ = take_records(payload);
  folder.records_.push_back(at);
  if (folder.is_last()) {
    folder.entries_ = parse_entries(payload);
  } else {
    folder.go_to(0);
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

void FileStatesWriter::add(Folder& folder, std::string_view name, const SourceStatus& status,
                           std::string_view message, std::string_view listed,
                           std::uint64_t folder_at, int chunk_class) {
  std::string& entries = folder.entries_;
  append_le(entries, status.size);
  append_le(entries, status.inode);
  append_le(entries, static_cast<std::uint64_t>(status.mtime));
  append_le(entries, static_cast<std::uint64_t>(status.ctime));
  append_le(entries, status.mtime_ns);
  append_le(entries, status.ctime_ns);
  append_le(entries, folder_at);
  append_le(entries, static_cast<std::uint16_t>(name.size()));
  append_le(entries, static_cast<std::uint32_t>(message.size()));
  append_le(entries, static_cast<std::uint32_t>(listed.size()));
  append_le(entries, static_cast<std::uint8_t>(status.kind));
  append_le(entries, static_cast<std::uint8_t>(chunk_class));
  entries += name;
  entries += message;
  entries += listed;
  if (entries.size() < kRecordFull) return;
  folder.records_.push_back(put_record({}, entries));
  entries.clear();
}

std::uint64_t FileStatesWriter::put(const Folder& folder) {
  return put_record(folder.records_, folder.entries_);
}

std::uint64_t FileStatesWriter::put_record(const std::vector<std::uint64_t>& earlier,
                                           std::string_view entries) {
  std::string payload;
  append_le(payload, static_cast<std::uint32_t>(earlier.size()));
  for (const std::uint64_t at : earlier) append_le(payload, at);
  payload += entries;
  std::string head;
  append_le(head, std::uint64_t{payload.size()});
  const std::string check = cache_check(repository_, payload);
  const MutexLock lock(mutex_);
  const std::uint64_t at = size_;
  write(as_bytes(head));
  write(as_bytes(payload));
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
