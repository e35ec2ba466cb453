// SPDX-License-Identifier: Apache-2.0
#include "mount/tree_reader.h"

#include <fmt/format.h>

#include "tests/engine/memory_tree.h"

namespace lagan {
namespace {

std::vector<Entry> many(std::size_t count) {
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < count; ++i)
    entries.push_back(file_entry(fmt::format("file{:06}", i), fmt::format("{}", i)));
  return entries;
}

TEST_CASE("every entry of a large folder is found, with few nodes in memory") {
  MemoryTree tree;
  const Subtree folder = tree.subtree(many(5000));
  TreeReader reader(tree.source, 100'000);
  const auto all = reader.leaves(*folder.id);
  REQUIRE(all);
  CHECK((*all)->leaves.size() > 5);
  for (std::size_t i = 0; i < 5000; i += 7) {
    const auto found = reader.find(*folder.id, fmt::format("file{:06}", i));
    REQUIRE((found && *found));
    CHECK((*found)->entry.inline_content == fmt::format("{}", i));
    CHECK(reader.entry_at((*found)->place)->name == (*found)->entry.name);
  }
  for (const char* name : {"a", "file", "file0000001", "zzz", ""})
    CHECK(!reader.find(*folder.id, name).value());
}

TEST_CASE("a leaf that is missing hides its own names only") {
  MemoryTree tree;
  const Subtree folder = tree.subtree(many(3000));
  TreeReader whole(tree.source, 100'000);
  const auto all = whole.leaves(*folder.id);
  REQUIRE(all);
  const auto second = whole.leaf((*all)->leaves[1]);
  REQUIRE(second);
  tree.chunks.chunks.erase(MemoryChunks::id_of(ChunkKind::directory, (*second)->bytes));
  TreeReader reader(tree.source, 100'000);
  CHECK(reader.find(*folder.id, "file000000").value());
  CHECK(reader.find(*folder.id, "file002999").value());
  CHECK(!reader.find(*folder.id, (*all)->leaves[1].last_name));
}

TEST_CASE("a node that is not what its parent says is refused") {
  MemoryTree tree;
  const Subtree folder = tree.subtree(many(3000)), other = tree.subtree(many(10));
  TreeReader reader(tree.source, 100'000);
  const auto all = reader.leaves(*folder.id);
  REQUIRE(all);
  FolderLeaves::One forged = (*all)->leaves[0];
  forged.last_name = (*all)->leaves[1].last_name;
  CHECK(reader.leaf(forged).error().code == ErrorCode::corrupt);
  // The root of a large folder is no leaf.
  tree.chunks.chunks[*other.id] = tree.chunks.chunks[*folder.id];
  TreeReader fresh(tree.source, 1000);
  const auto forged_top = fresh.leaves(*other.id);
  REQUIRE(forged_top);
  CHECK((*forged_top)->leaves.size() == (*all)->leaves.size());
}

}  // namespace
}  // namespace lagan
