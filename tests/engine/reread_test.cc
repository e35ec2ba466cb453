// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <optional>

#include "src/engine/file_states.h"
#include "src/engine/reread_schedule.h"
#include "tests/engine/engine_samples.h"
#include "util/file.h"

namespace lagan {
namespace {

constexpr Nanoseconds kDay = Nanoseconds{86'400} * 1'000'000'000;
constexpr Nanoseconds kStart = 20'000 * kDay + 12'345;

TEST_CASE("every path has its turn once a period, and each run a fair share") {
  constexpr int kPaths = 1'000, kDays = 90;
  std::vector<int> turns(kPaths);
  for (int day = 0; day < kDays; ++day) {
    const RereadSchedule schedule{90 * kDay, kStart + day * kDay, kStart + (day + 1) * kDay};
    int share = 0;
    for (int i = 0; i < kPaths; ++i) {
      const bool is_due = schedule.is_due("/folder/file" + std::to_string(i));
      turns[static_cast<std::size_t>(i)] += is_due ? 1 : 0;
      share += is_due ? 1 : 0;
    }
    CHECK(share < 40);  // 11 are fair; that this is never passed was tried, for nothing is random
  }
  for (const int each : turns) CHECK(each == 1);
}

TEST_CASE("after a long pause all have their turn, at once none, and without a period none ever") {
  CHECK(RereadSchedule{kDay, kStart, kStart + 2 * kDay}.is_due("/a"));
  CHECK_FALSE(RereadSchedule{kDay, kStart, kStart}.is_due("/a"));
  CHECK_FALSE(RereadSchedule{kDay, kStart, kStart - 5 * kDay}.is_due("/a"));  // a clock set back
  CHECK_FALSE(RereadSchedule{0, kStart, kStart + 2 * kDay}.is_due("/a"));
}

// Changes files behind the back of a backup: the states of the last run, `age` ago, then say that
// all files looked as they do now.
class Decay {
 public:
  Decay(TestClient& client, Nanoseconds age) : repository_(*client.repository) {
    const std::string path = states_file(client);
    reader_ = FileStatesReader::open(path, repository_);
    REQUIRE(reader_);
    FileStatesWriter writer(path, repository_);
    const std::uint64_t root = copy(reader_->root_at(), "", writer);
    writer.commit(reader_->snapshot(), root, reader_->files(), reader_->bytes(),
                  reader_->started() - age);
  }

 private:
  std::uint64_t copy(std::uint64_t at, const std::string& path, FileStatesWriter& writer) {
    FolderStates known = reader_->folder(at);
    FileStatesWriter::Folder folder;
    known.for_each([&](const KnownEntry& entry) {
      const std::string here = path + "/" + std::string(entry.name);
      const std::uint64_t below = entry.folder_at != 0 ? copy(entry.folder_at, here, writer) : 0;
      SourceStatus status = entry.status;
      if (status.kind == EntryKind::file) status = source_status(AT_FDCWD, here.c_str()).value();
      writer.add(folder, entry.name, status, entry.message, entry.listed, below, entry.chunk_class);
    });
    return writer.put(folder);
  }
  static std::string states_file(const TestClient& client) {
    namespace fs = std::filesystem;
    for (const auto& entry : fs::directory_iterator(client.repository->cache_folder())) {
      if (entry.path().filename().string().starts_with("states-")) return entry.path();
    }
    return "";
  }

  const Repository& repository_;
  std::optional<FileStatesReader> reader_;
};

// As a disk does it: the file looks as before.
void decay(const std::string& path, std::string_view content) {
  const SourceStatus before = source_status(AT_FDCWD, path.c_str()).value();
  write_file(path, content);
  set_mtime(path, before.mtime, before.mtime_ns);
}

BackedUp reread(TestClient& client) {
  BackupOptions options = client.options();
  options.reread_period = 90 * kDay;
  return client.back_up(options);
}

TEST_CASE("a file that decayed is told when its turn comes, and what was saved stays") {
  TestClient client;
  const std::string long_content(700'000, 'l');
  write_file(client / "short", "good");
  write_file(client / "long", long_content);
  write_file(client / "sound", "sound");
  client.let_settle();
  const BackedUp first = client.back_up_well();
  decay(client / "short", "evil");
  decay(client / "long", std::string(699'999, 'l') + "x");
  client.let_settle();
  Decay(client, 100 * kDay);
  const BackedUp second = reread(client);
  REQUIRE(second.troubles.size() == 2);
  CHECK(second.troubles[0].starts_with((client / "long") +
                                       ": reads otherwise than when it was saved"));
  CHECK(second.troubles[1].starts_with((client / "short") + ": reads otherwise"));
  CHECK(second.result.errors == 2);
  CHECK(second.result.summary.files_unmodified == 3);
  CHECK(second.result.root.id == first.result.root.id);
  // Later runs keep it too.
  CHECK(client.back_up_well().result.root.id == first.result.root.id);
  client.restore_source(*second.result.snapshot, client.work("back"));
  CHECK(read_text(client.work("back/short")) == "good");
  CHECK(read_text(client.work("back/long")) == long_content);
}

TEST_CASE("a file whose turn has not come is not read") {
  TestClient client;
  write_file(client / "file", "good");
  client.let_settle();
  client.back_up_well();
  decay(client / "file", "evil");
  client.let_settle();
  Decay(client, 0);
  BackupOptions options = client.options();
  options.reread_period = 36'000 * kDay;  // a century
  CHECK(client.back_up(options).troubles.empty());
}

TEST_CASE("a file that is cut otherwise but reads the same is as it was") {
  TestClient client;
  const std::string content = std::string(600'000, '\0') + std::string(300'000, 'd');
  write_file(client / "file", "");
  REQUIRE(::truncate((client / "file").c_str(), 600'000) == 0);
  {
    const File file = *open_file(client / "file", O_WRONLY | O_APPEND);
    REQUIRE(write_all(file.descriptor(), as_bytes(std::string(300'000, 'd'))));
  }
  client.let_settle();
  const BackedUp first = client.back_up_well();
  decay(client / "file", content);  // zeros where a hole was
  client.let_settle();
  Decay(client, 100 * kDay);
  const BackedUp second = reread(client);
  CHECK(second.troubles.empty());
  CHECK(second.result.root.id == first.result.root.id);
}

TEST_CASE("a file that was changed is saved as it is, not taken for decayed") {
  TestClient client;
  write_file(client / "file", "good");
  client.let_settle();
  client.back_up_well();
  write_file(client / "file", "news");
  client.let_settle();
  const BackedUp second = reread(client);
  CHECK(second.troubles.empty());
  client.restore_source(*second.result.snapshot, client.work("back"));
  CHECK(read_text(client.work("back/file")) == "news");
}

}  // namespace
}  // namespace lagan
