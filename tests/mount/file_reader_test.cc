// SPDX-License-Identifier: Apache-2.0
#include "mount/file_reader.h"

#include <random>

#include "tests/engine/memory_tree.h"

namespace lagan {
namespace {

std::string read(FileReader& reader, std::uint64_t offset, std::size_t size) {
  const auto pieces = reader.read(offset, size);
  REQUIRE(pieces);
  std::string text;
  for (const Piece& piece : *pieces) text += as_text(piece.bytes);
  return text;
}

std::shared_ptr<ContentMap> map_of(MemoryTree& tree, const Entry& file) {
  auto map = ContentMap::open(tree.source, file);
  REQUIRE(map);
  return *map;
}

TEST_CASE("any part of a file reads as in the original") {
  const unsigned seed = 3;
  INFO("seed " << seed);
  std::mt19937 dice(seed);
  MemoryTree tree;
  std::vector<std::string> pieces;
  std::string whole;
  for (int i = 0; i < 200; ++i) {
    pieces.push_back(dice() % 10 == 0 ? "" : std::string(dice() % 900 + 1, char(i)) + "end");
    whole += pieces.back().empty() ? std::string(100'000, '\0') : pieces.back();
  }
  ChunkCache cache(tree.source, 10'000, 0);
  FileReader reader(cache, map_of(tree, tree.chunked_file("file", pieces)));
  for (int i = 0; i < 2000; ++i) {
    const std::size_t at = dice() % (whole.size() + 10), size = dice() % 5000 + 1;
    CHECK(read(reader, at, size) == (at < whole.size() ? whole.substr(at, size) : ""));
  }
  CHECK(read(reader, 0, whole.size()) == whole);
}

TEST_CASE("a missing chunk is an error of what lies in it and of nothing else") {
  MemoryTree tree;
  const Entry file = tree.chunked_file("file", {"good", "lost", "fine"});
  tree.chunks.chunks.erase(MemoryChunks::id_of(ChunkKind::data, as_bytes("lost")));
  ChunkCache cache(tree.source, 10'000, 0);
  FileReader reader(cache, map_of(tree, file));
  CHECK(read(reader, 0, 4) == "good");
  CHECK(read(reader, 8, 4) == "fine");
  CHECK(!reader.read(0, 12));
  CHECK(!reader.read(7, 1));
}

TEST_CASE("who reads on from front to back finds the rest fetched ahead, who jumps does not") {
  MemoryTree tree;
  std::vector<std::string> pieces;
  for (int i = 0; i < 30; ++i) pieces.push_back(std::string(10'000, 'a') + std::to_string(i));
  const Entry file = tree.chunked_file("file", pieces);
  {
    ChunkCache cache(tree.source, 1'000'000, 1);
    FileReader reader(cache, map_of(tree, file));
    read(reader, 0, 1000);
    read(reader, 1000, 1000);
    cache.settle();
    tree.chunks.gets = 0;
    read(reader, 0, file.size);
    CHECK(tree.chunks.gets == 0);
  }
  MemoryTree other;
  const Entry far = other.chunked_file(
      "far", {"", "", "", "", "", "", "", "",  "", "", "", "", "", "", "", "", "",
              "", "", "", "", "", "", "", "a", "", "", "", "", "", "", "", "", "",
              "", "", "", "", "", "", "", "",  "", "", "", "", "", "", "", "", "b"});
  ChunkCache cache(other.source, 1'000'000, 1);
  FileReader reader(cache, map_of(other, far));
  read(reader, 0, 1000);
  read(reader, far.size - 1, 1);
  read(reader, 10, 1000);
  cache.settle();
  other.chunks.gets = 0;
  CHECK(read(reader, 2'400'000, 1) == "a");
  CHECK(other.chunks.gets == 1);
}

}  // namespace
}  // namespace lagan
