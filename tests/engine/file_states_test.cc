// SPDX-License-Identifier: Apache-2.0
#include "src/engine/file_states.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>

#include <optional>
#include <set>
#include <string>

#include "tests/engine/source_tree.h"
#include "tests/repo/test_repository.h"
#include "tests/util/temporary_folder.h"

namespace lagan {
namespace {

const SnapshotId kSnapshot = *SnapshotId::from_bytes(Bytes(SnapshotId::kSize).span());

SourceStatus status_of(std::uint64_t size) {
  SourceStatus status;
  status.kind = EntryKind::file;
  status.size = size;
  status.inode = size + 1;
  status.mtime = -static_cast<std::int64_t>(size);
  status.mtime_ns = 999'999'999;
  return status;
}

// A folder with a file and a sub folder that has another one.
class StatesFile {
 public:
  StatesFile() {
    FileStatesWriter writer(path(), *repository_);
    FileStatesWriter::Folder below, root;
    writer.add(below, "deep", status_of(70), "message of deep", "", 0, 2);
    SourceStatus folder;
    folder.kind = EntryKind::directory;
    const std::uint64_t below_at = writer.put(below);
    writer.add(root, "a", status_of(7), "message of a", "its list", 0, -1);
    writer.add(root, "b", folder, "message of b", "", below_at, -1);
    writer.commit(kSnapshot, writer.put(root), 2, 77, 5);
    content_ = read_text(path());
  }

  std::string path() const { return folder_ / "states"; }
  const std::string& content() const { return content_; }

  // Everything that can be read of it, as text; what is damaged is missing.
  std::string told() const {
    const auto reader = FileStatesReader::open(path(), *repository_);
    if (!reader) return "";
    CHECK(reader->snapshot() == kSnapshot);
    CHECK(reader->files() == 2);
    CHECK(reader->bytes() == 77);
    CHECK(reader->started() == 5);
    return "states" + told(*reader, reader->root_at());
  }
  std::string told_of(std::string_view content) const {
    write_file(path(), content);
    return told();
  }

 private:
  static std::string told(const FileStatesReader& reader, std::uint64_t at) {
    std::string text;
    reader.folder(at).for_each([&](const KnownEntry& entry) {
      text += "; " + std::string(entry.name) + " " + std::to_string(entry.status.size) + " " +
              std::to_string(entry.status.inode) + " " + std::to_string(entry.status.mtime) + " " +
              std::to_string(entry.status.mtime_ns) + " " + std::string(entry.message) + " [" +
              std::string(entry.listed) + "] " + std::to_string(entry.chunk_class);
      text += told(reader, entry.folder_at);
    });
    return text;
  }

  TemporaryFolder folder_;
  TestRepository repository_;
  std::string content_;
};

const std::string kWhole =
    "states; a 7 8 -7 999999999 message of a [its list] -1; b 0 0 0 0 message of b [] -1"
    "; deep 70 71 -70 999999999 message of deep [] 2";

TEST_CASE("file states come back as they were put") {
  const StatesFile states;
  CHECK(states.told() == kWhole);
}

TEST_CASE("file states that were not committed are not there") {
  const TemporaryFolder folder;
  const TestRepository repository;
  { const FileStatesWriter writer(folder / "states", *repository); }
  CHECK_FALSE(FileStatesReader::open(folder / "states", *repository));
}

TEST_CASE("a file of states that was cut anywhere tells nothing") {
  const StatesFile states;
  for (std::size_t size = 0; size < states.content().size(); ++size) {
    CAPTURE(size);
    CHECK(states.told_of(states.content().substr(0, size)).empty());
  }
}

TEST_CASE("a flipped bit in a file of states costs what it is in, and nothing false is told") {
  const StatesFile states;
  // What lies in no record: the magic at the beginning, which only keeps offset 0 free.
  constexpr std::size_t kFirstRecord = 8;
  for (std::size_t at = 0; at < states.content().size(); ++at) {
    CAPTURE(at);
    std::string damaged = states.content();
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    const std::string told = states.told_of(damaged);
    if (at < kFirstRecord) {
      CHECK(told == kWhole);
    } else {
      CHECK(told.size() < kWhole.size());
      CHECK(kWhole.starts_with(told));
    }
  }
}

// Of a folder so large that its entries lie in several records: every second number is a name.
class LargeFolder {
 public:
  static constexpr int kEnd = 10'000;
  static std::string name(int number) { return fmt::format("{:06}", number); }

  LargeFolder() {
    FileStatesWriter writer(path(), *repository_);
    FileStatesWriter::Folder folder;
    for (int i = 0; i < kEnd; i += 2) {
      writer.add(folder, name(i), status_of(static_cast<std::uint64_t>(i)), std::string(100, 'm'),
                 name(i), 0, -1);
    }
    writer.commit(kSnapshot, writer.put(folder), 1, 1, 1);
  }
  std::string path() const { return folder_ / "states"; }
  std::optional<FileStatesReader> open() const {
    return FileStatesReader::open(path(), *repository_);
  }

 private:
  TemporaryFolder folder_;
  TestRepository repository_;
};

TEST_CASE("in a large folder every name is found, in ascending order, and no other") {
  const LargeFolder large;
  const auto reader = large.open();
  REQUIRE(reader);
  FolderStates folder = reader->folder(reader->root_at());
  for (int i = 0; i < LargeFolder::kEnd + 2; ++i) {
    CAPTURE(i);
    const KnownEntry* found = folder.find(LargeFolder::name(i));
    REQUIRE((found != nullptr) == (i % 2 == 0 && i < LargeFolder::kEnd));
    CHECK(folder.find(LargeFolder::name(i)) == found);
    if (found == nullptr) continue;
    CHECK(found->status.size == static_cast<std::uint64_t>(i));
    CHECK(found->listed == LargeFolder::name(i));
  }
}

TEST_CASE("a large folder tells all its entries in order, and is asked from the front afterwards") {
  const LargeFolder large;
  const auto reader = large.open();
  REQUIRE(reader);
  FolderStates folder = reader->folder(reader->root_at());
  int next = 0;
  folder.for_each([&](const KnownEntry& entry) {
    CHECK(entry.name == LargeFolder::name(next));
    next += 2;
  });
  CHECK(next == LargeFolder::kEnd);
  CHECK(folder.find(LargeFolder::name(0)) != nullptr);
  CHECK(folder.find(LargeFolder::name(LargeFolder::kEnd - 2)) != nullptr);
}

TEST_CASE("a damaged part of a large folder hides the entries in it and no others") {
  const LargeFolder large;
  const std::string whole = read_text(large.path());
  std::set<std::size_t> numbers_found;
  for (std::size_t at = 100; at < whole.size(); at += 20'000) {
    CAPTURE(at);
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    write_file(large.path(), damaged);
    const auto reader = large.open();
    REQUIRE(reader);
    FolderStates folder = reader->folder(reader->root_at());
    std::size_t found = 0;
    for (int i = 0; i < LargeFolder::kEnd; i += 2)
      if (folder.find(LargeFolder::name(i)) != nullptr) ++found;
    CHECK(found < LargeFolder::kEnd / 2);
    numbers_found.insert(found);
  }
  // Each record that holds entries only, and the folder's own, without which nothing is found.
  CHECK(numbers_found.size() >= 2);
  CHECK(numbers_found.contains(0));
  CHECK(*numbers_found.rbegin() > LargeFolder::kEnd / 8);
}

TEST_CASE("states of another repository tell nothing") {
  const StatesFile states;
  const TestRepository other;
  CHECK_FALSE(FileStatesReader::open(states.path(), *other));
}

}  // namespace
}  // namespace lagan
