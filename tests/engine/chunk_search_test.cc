// SPDX-License-Identifier: Apache-2.0
#include "src/engine/chunk_search.h"

#include "tests/engine/memory_tree.h"

namespace lagan {
namespace {

using Places = std::vector<std::pair<ChunkKind, std::string>>;

Places places(const MemoryTree& tree, const Snapshot& snapshot,
              const std::vector<std::string>& ids) {
  Places found;
  const auto wanted = WantedChunks::parse(ids);
  REQUIRE(wanted);
  const ChunkSearchVisitor visitor{
      .found = [&](const ChunkSearchVisitor::Found& place) -> Result<void> {
        found.emplace_back(place.kind, place.path);
        return {};
      },
      .trouble = no_trouble};
  REQUIRE(ChunkSearch(tree.source, *wanted, visitor).look_through(snapshot));
  return found;
}

TEST_CASE("a chunk is found in every file that has it, once a file") {
  MemoryTree tree;
  const Snapshot snapshot = tree.snapshot(
      {tree.chunked_file("twice", {"shared", "other", "shared"}),
       tree.folder("sub", {tree.chunked_file("again", {"shared"})}), file_entry("small", "s")});
  const ChunkId id = MemoryChunks::id_of(ChunkKind::data, as_bytes("shared"));
  const Places expected = {{ChunkKind::data, "/sub/again"}, {ChunkKind::data, "/twice"}};
  CHECK(places(tree, snapshot, {id.hex()}) == expected);
  CHECK(places(tree, snapshot, {id.hex().substr(0, 20)}) == expected);
  CHECK(places(tree, snapshot, {"00112233445566778899"}).empty());
}

TEST_CASE("nodes of folders and of long files are found too") {
  MemoryTree tree;
  std::vector<std::string> pieces;
  for (int i = 0; i < 40; ++i) pieces.push_back("piece " + std::to_string(i));
  const Entry file = tree.chunked_file("long", pieces);
  REQUIRE(file.list);
  const Entry sub = tree.folder("sub", {file});
  const Snapshot snapshot = tree.snapshot({sub});
  CHECK(places(tree, snapshot, {file.list->hex()}) == Places{{ChunkKind::list, "/sub/long"}});
  CHECK(places(tree, snapshot, {sub.subtree.id->hex()}) == Places{{ChunkKind::directory, "/sub"}});
  CHECK(places(tree, snapshot, {snapshot.root.id->hex()}) == Places{{ChunkKind::directory, "/"}});
}

TEST_CASE("what is no id is refused") {
  for (const char* text : {"", "xyz", "ABCDEF", "12 "}) {
    INFO(text);
    CHECK_FALSE(WantedChunks::parse({text}));
  }
  CHECK_FALSE(WantedChunks::parse({std::string(65, '0')}));
  CHECK(WantedChunks::parse({std::string(64, '0')}));
}

}  // namespace
}  // namespace lagan
