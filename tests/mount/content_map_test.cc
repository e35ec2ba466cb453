// SPDX-License-Identifier: Apache-2.0
#include "mount/content_map.h"

#include "tests/engine/memory_tree.h"

namespace lagan {
namespace {

using Kind = ContentMap::Kind;

std::shared_ptr<ContentMap> map_of(MemoryTree& tree, const Entry& file) {
  auto map = ContentMap::open(tree.source, file);
  REQUIRE(map);
  return *map;
}

TEST_CASE("each byte of a long file lies in the piece that says so") {
  MemoryTree tree;
  std::vector<std::string> pieces;
  for (std::size_t i = 0; i < 3000; ++i) pieces.push_back(std::string(i % 7 + 1, 'a'));
  const Entry file = tree.chunked_file("long", pieces);
  REQUIRE(file.list);
  const auto map = map_of(tree, file);
  std::uint64_t begin = 0;
  for (const std::string& piece : pieces) {
    const auto found = map->piece_at(begin + piece.size() - 1);
    REQUIRE(found);
    CHECK(found->begin == begin);
    CHECK(found->end == begin + piece.size());
    begin = found->end;
  }
  CHECK(**map->data_bytes() == file.size);
  // From the back no node is read twice for each byte.
  tree.chunks.gets = 0;
  for (std::uint64_t at = file.size; at-- > file.size - 500;) REQUIRE(map->piece_at(at));
  CHECK(tree.chunks.gets < 20);
}

TEST_CASE("holes and data are found as lseek finds them") {
  MemoryTree tree;
  const Entry file = tree.chunked_file("holes", {"", "data", "", "more", "and more", ""});
  const auto map = map_of(tree, file);
  const auto seek = [&](std::uint64_t offset, Kind kind) {
    return map->seek(offset, kind).value();
  };
  CHECK(seek(0, Kind::hole) == 0);
  CHECK(seek(0, Kind::data) == 100'000);
  CHECK(seek(100'001, Kind::data) == 100'001);
  CHECK(seek(100'001, Kind::hole) == 100'004);
  CHECK(seek(200'004, Kind::hole) == 200'016);
  CHECK(seek(200'016, Kind::data) == std::nullopt);
  CHECK(**map->data_bytes() == 16);
  const auto small = map_of(tree, file_entry("small", "inline"));
  CHECK(small->seek(2, Kind::data).value() == 2);
  CHECK(small->seek(2, Kind::hole).value() == 6);
}

TEST_CASE("content of another length than the file, or of a node, is corrupt") {
  MemoryTree tree;
  Entry file = tree.chunked_file("short", {"content"});
  ++file.size;
  CHECK(ContentMap::open(tree.source, file).error().code == ErrorCode::corrupt);
  Entry twice = tree.chunked_file("short", {"content"});
  twice.inline_content = "content";
  CHECK(ContentMap::open(tree.source, twice).error().code == ErrorCode::corrupt);
  Entry list = tree.chunked_file("long", std::vector<std::string>(100, "ab"));
  ++list.size;
  CHECK(map_of(tree, list)->piece_at(0).error().code == ErrorCode::corrupt);
  Entry unreadable = file_entry("unreadable", "");
  unreadable.size = 10;
  unreadable.state = EntryState::unreadable;
  CHECK(map_of(tree, unreadable)->piece_at(0).error().code == ErrorCode::not_found);
}

}  // namespace
}  // namespace lagan
