// SPDX-License-Identifier: Apache-2.0
#include "src/engine/usage.h"

#include "tests/engine/memory_tree.h"

namespace lagan {
namespace {

Usage count(const MemoryTree& tree, UsageMode mode, const std::vector<Snapshot>& snapshots) {
  const auto index = LocalIndex::open("", {});
  REQUIRE(index);
  UsageOptions options;
  options.mode = mode;
  options.trouble = no_trouble;
  UsageCounter counter(tree.source, *index, options);
  for (const Snapshot& snapshot : snapshots) REQUIRE(counter.add(snapshot));
  return counter.total();
}

TEST_CASE("restoring writes hard links once a snapshot") {
  MemoryTree tree;
  Entry link = file_entry("one", "12345");
  link.hardlink = 7;
  Entry other = link;
  other.name = "other";
  const Snapshot snapshot =
      tree.snapshot({tree.folder("linked", {link}), tree.folder("linked too", {other}),
                     tree.folder("plain", {file_entry("file", "123")})});
  const Usage once = count(tree, UsageMode::restore_size, {snapshot});
  CHECK(once.bytes == 8);
  CHECK(once.files == 6);
  CHECK(count(tree, UsageMode::restore_size, {snapshot, snapshot}).bytes == 16);
}

TEST_CASE("folders without links are read once for all snapshots") {
  MemoryTree tree;
  const Entry plain = tree.folder("plain", {file_entry("file", "123")});
  const Snapshot first = tree.snapshot({plain}),
                 second = tree.snapshot({plain, file_entry("b", "")});
  CHECK(count(tree, UsageMode::restore_size, {first, second, first}).files == 2 + 3 + 2);
  CHECK(tree.chunks.gets == 3);
}

TEST_CASE("equal content counts once, by file or by chunk and path") {
  MemoryTree tree;
  const std::vector<Entry> before = {
      tree.chunked_file("a", {"shared", "x"}), tree.chunked_file("copy of a", {"shared", "x"}),
      tree.chunked_file("b", {"shared", "other", "", "shared"}), file_entry("tiny", "t")};
  std::vector<Entry> after = before;
  after[0] = tree.chunked_file("a", {"shared", "xy"});
  const std::vector<Snapshot> both = {tree.snapshot(before), tree.snapshot(after)};

  const Usage contents = count(tree, UsageMode::files_by_contents, both);
  CHECK(contents.files == 4);
  CHECK(contents.bytes == 7 + 8 + (6 + 5 + 100'000 + 6) + 1);

  const Usage chunks = count(tree, UsageMode::blobs_per_file, both);
  CHECK(chunks.files == 4);
  CHECK(chunks.chunks == 3 + 2 + 2);
  CHECK(chunks.bytes == (6 + 1 + 2) + (6 + 1) + (6 + 5));
}

}  // namespace
}  // namespace lagan
