// SPDX-License-Identifier: Apache-2.0
#include "src/engine/folder_task.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <numeric>
#include <random>
#include <thread>
#include <vector>

#include "tests/engine/memory_tree.h"

namespace lagan {
namespace {

DoneEntry done(const std::string& name, std::uint64_t size = 0) {
  Entry entry = file_entry(name, "");
  entry.size = size;
  DoneEntry made;
  made.name = name;
  made.message = encode(entry);
  made.status.size = size;
  return made;
}

// A folder whose chunks are in memory, and what came of it.
struct Folder {
  MemoryChunks chunks;
  Failure failure;
  std::atomic<int> times_finished = 0;
  FolderTask::Finished result;
  FolderTask task{PrfKey{}, chunks.sink(), nullptr, failure, [this](FolderTask::Finished finished) {
                    result = std::move(finished);
                    ++times_finished;
                  }};

  bool is_finished() const { return times_finished == 1; }
  std::vector<std::string> names() {
    std::vector<std::string> found;
    if (!result.subtree.id) return found;
    const auto walked = for_each_entry(chunks.source(), *result.subtree.id,
                                       [&](std::string_view entry) -> Result<void> {
                                         found.emplace_back(entry_name(entry));
                                         return {};
                                       });
    REQUIRE(walked);
    return found;
  }
};

TEST_CASE("entries are written in name order whatever the order of completion") {
  const std::vector<std::string> names = {"a", "b", "c", "d", "e"};
  std::vector<std::size_t> order(names.size());
  std::iota(order.begin(), order.end(), 0);
  ChunkId first_id;
  do {
    Folder folder;
    std::vector<std::size_t> numbers;
    for (std::size_t i = 0; i < names.size(); ++i) numbers.push_back(folder.task.expect());
    folder.task.close();
    for (const std::size_t i : order) {
      CHECK_FALSE(folder.is_finished());
      folder.task.complete(numbers[i], done(names[i]));
    }
    REQUIRE(folder.is_finished());
    CHECK_FALSE(folder.failure.happened());
    CHECK(folder.names() == names);
    if (std::ranges::is_sorted(order)) first_id = *folder.result.subtree.id;
    CHECK(folder.result.subtree.id == first_id);
  } while (std::ranges::next_permutation(order).found);
}

TEST_CASE("entries that are complete at once wait for those before them") {
  Folder folder;
  folder.task.add(done("a"));
  const std::size_t b = folder.task.expect();
  folder.task.add(done("c"));
  const std::size_t d = folder.task.expect();
  folder.task.add(done("e"));
  folder.task.complete(d, done("d"));
  folder.task.complete(b, done("b"));
  folder.task.add(done("f"));
  CHECK_FALSE(folder.is_finished());
  folder.task.close();
  REQUIRE(folder.is_finished());
  CHECK(folder.names() == std::vector<std::string>{"a", "b", "c", "d", "e", "f"});
}

TEST_CASE("numbers stay right after entries in front have been written") {
  Folder folder;
  std::vector<std::string> expected;
  for (int i = 0; i < 300; ++i) {
    const std::string name = std::to_string(1000 + i);
    expected.push_back(name);
    if (i % 3 == 0) {
      folder.task.add(done(name));
    } else {
      folder.task.complete(folder.task.expect(), done(name));
    }
  }
  folder.task.close();
  REQUIRE(folder.is_finished());
  CHECK(folder.names() == expected);
}

TEST_CASE("what is left out leaves no trace") {
  Folder folder;
  const std::size_t a = folder.task.expect(), b = folder.task.expect();
  folder.task.add(std::nullopt);
  folder.task.complete(b, done("b", 5));
  folder.task.complete(a, std::nullopt);
  folder.task.add(std::nullopt);
  folder.task.add(done("z", 7));
  folder.task.close();
  REQUIRE(folder.is_finished());
  CHECK(folder.names() == std::vector<std::string>{"b", "z"});
  CHECK(folder.result.subtree.files == 2);
  CHECK(folder.result.subtree.content_bytes == 12);
}

TEST_CASE("a folder without entries finishes, and has no node") {
  Folder folder;
  SUBCASE("nothing announced") {}
  SUBCASE("all left out at once") { folder.task.add(std::nullopt); }
  SUBCASE("all left out later") { folder.task.complete(folder.task.expect(), std::nullopt); }
  CHECK_FALSE(folder.is_finished());
  folder.task.close();
  REQUIRE(folder.is_finished());
  CHECK_FALSE(folder.result.subtree.id);
  CHECK(folder.chunks.puts == 0);
}

TEST_CASE("a folder counts what lies in it and below") {
  Folder folder;
  folder.task.add(done("file", 100));
  DoneEntry below = done("folder", 4096);
  below.status.kind = EntryKind::directory;
  below.below.files = 3;
  below.below.dirs = 2;
  below.below.content_bytes = 1000;
  folder.task.add(below);
  DoneEntry link = done("link", 11);
  link.status.kind = EntryKind::symlink;
  folder.task.add(link);
  folder.task.close();
  REQUIRE(folder.is_finished());
  CHECK(folder.result.subtree.files == 5);
  CHECK(folder.result.subtree.dirs == 3);
  CHECK(folder.result.subtree.content_bytes == 1100);
}

TEST_CASE("completions from many threads finish a folder exactly once") {
  for (int round = 0; round < 20; ++round) {
    Folder folder;
    std::vector<std::size_t> numbers;
    std::vector<std::string> expected;
    for (int i = 0; i < 400; ++i) {
      numbers.push_back(folder.task.expect());
      expected.push_back(std::to_string(1000 + i));
    }
    std::atomic<std::size_t> next = 0;
    {
      std::vector<std::jthread> threads;
      for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
          // 7 and 400 have no common divisor.
          for (std::size_t i = next++; i < numbers.size(); i = next++)
            folder.task.complete(numbers[i * 7 % 400], done(expected[i * 7 % 400]));
        });
      }
      folder.task.close();
    }
    CHECK(folder.times_finished == 1);
    CHECK(folder.names() == expected);
  }
}

TEST_CASE("a failure to store ends up where all look, and nothing is finished") {
  int puts = 0;
  Failure failure;
  bool finished = false;
  FolderTask task(
      PrfKey{},
      [&](ChunkKind, ByteSpan) -> Result<ChunkId> {
        ++puts;
        return fail(ErrorCode::no_space, "the disk is full");
      },
      nullptr, failure, [&](FolderTask::Finished) { finished = true; });
  task.add(done("a"));
  task.close();
  CHECK(puts == 1);
  CHECK_FALSE(finished);
  REQUIRE_FALSE(failure.check());
  CHECK(failure.check().error().code == ErrorCode::no_space);
}

TEST_CASE("names that do not ascend are an error of the run, not a broken folder") {
  Folder folder;
  folder.task.add(done("b"));
  folder.task.add(done("a"));
  CHECK(folder.failure.happened());
}

}  // namespace
}  // namespace lagan
