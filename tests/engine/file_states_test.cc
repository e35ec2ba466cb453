// SPDX-License-Identifier: Apache-2.0
#include "src/engine/file_states.h"

#include <doctest/doctest.h>
#include <fcntl.h>

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
    below.add("deep", status_of(70), "message of deep", "", 0, 2);
    SourceStatus folder;
    folder.kind = EntryKind::directory;
    const std::uint64_t below_at = writer.put(below);
    root.add("a", status_of(7), "message of a", "its list", 0, -1);
    root.add("b", folder, "message of b", "", below_at, -1);
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
    const FolderStates folder = reader.folder(at);
    for (const KnownEntry& entry : folder.entries()) {
      text += "; " + std::string(entry.name) + " " + std::to_string(entry.status.size) + " " +
              std::to_string(entry.status.inode) + " " + std::to_string(entry.status.mtime) + " " +
              std::to_string(entry.status.mtime_ns) + " " + std::string(entry.message) + " [" +
              std::string(entry.listed) + "] " + std::to_string(entry.chunk_class);
      text += told(reader, entry.folder_at);
    }
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

TEST_CASE("states of another repository tell nothing") {
  const StatesFile states;
  const TestRepository other;
  CHECK_FALSE(FileStatesReader::open(states.path(), *other));
}

}  // namespace
}  // namespace lagan
