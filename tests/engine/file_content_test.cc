// SPDX-License-Identifier: Apache-2.0
#include "repo/file_content.h"

#include "tests/engine/memory_tree.h"

namespace lagan {
namespace {

Result<std::string> content_of(const MemoryTree& tree, const Entry& file) {
  std::string content;
  TRY(read_content(tree.source, file, [&](ByteSpan piece) -> Result<void> {
    content += as_text(piece);
    return {};
  }));
  return content;
}

TEST_CASE("content comes in order, holes as zeros") {
  MemoryTree tree;
  CHECK(*content_of(tree, file_entry("small", "inline")) == "inline");
  CHECK(content_of(tree, file_entry("empty", ""))->empty());
  CHECK(*content_of(tree, tree.chunked_file("holes", {"begin", "", "end"})) ==
        "begin" + std::string(100'000, '\0') + "end");
  std::vector<std::string> pieces;
  std::string whole;
  for (int i = 0; i < 100; ++i) whole += pieces.emplace_back("piece " + std::to_string(i));
  const Entry listed = tree.chunked_file("long", pieces);
  REQUIRE(listed.list);
  CHECK(*content_of(tree, listed) == whole);
}

TEST_CASE("part of a chunk is that part, and never more than there is") {
  MemoryTree tree;
  Entry file = tree.chunked_file("file", {"0123456789"});
  file.slices[0].offset = 3;
  file.slices[0].length = file.size = 4;
  CHECK(*content_of(tree, file) == "3456");
  file.slices[0].offset = 7;
  CHECK(content_of(tree, file).error().code == ErrorCode::corrupt);
}

TEST_CASE("what is missing is an error, also what was never read") {
  MemoryTree tree;
  Entry file = tree.chunked_file("file", {"there", "gone"});
  tree.chunks.chunks.erase(MemoryChunks::id_of(ChunkKind::data, as_bytes("gone")));
  CHECK(content_of(tree, file).error().code == ErrorCode::not_found);
  Entry unread = file_entry("unread", "");
  unread.size = 10;
  unread.state = EntryState::unreadable;
  CHECK(content_of(tree, unread).error().code == ErrorCode::not_found);
}

TEST_CASE("a sink that fails ends it") {
  MemoryTree tree;
  const Entry file = tree.chunked_file("file", {"one", "two"});
  int pieces = 0;
  const auto read = read_content(tree.source, file, [&](ByteSpan) -> Result<void> {
    ++pieces;
    return fail(ErrorCode::no_space, "full");
  });
  CHECK(read.error().code == ErrorCode::no_space);
  CHECK(pieces == 1);
}

TEST_CASE("attributes have their value wherever it is kept") {
  MemoryTree tree;
  CHECK(*xattr_value(tree.source, {"user.small", "value", {}}) == "value");
  const ChunkId id = tree.chunks.put(ChunkKind::data, as_bytes("0123456789"));
  CHECK(*xattr_value(tree.source, {"user.large", "", {{id, 0, 10}, {id, 2, 3}}}) ==
        "0123456789234");
}

}  // namespace
}  // namespace lagan
