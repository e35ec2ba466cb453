// SPDX-License-Identifier: Apache-2.0
// The content of files: ContentBuilder, for_each_slice, decode_list.
#include <doctest/doctest.h>

#include <random>

#include "repo/limits.h"
#include "repo/tree.h"
#include "repo/wire.h"
#include "tests/repo/hostile.h"
#include "tests/repo/memory_chunks.h"
#include "tests/repo/samples.h"

namespace lagan {
namespace {

using Slices = std::vector<Slice>;

ChunkId chunk(std::uint64_t number) { return ChunkId{hash(std::as_bytes(std::span(&number, 1)))}; }

Slice piece(std::uint64_t number, std::uint64_t length = 1000) {
  return {.id = chunk(number), .offset = 0, .length = length};
}

Slice hole(std::uint64_t length) { return {.id = {}, .offset = 0, .length = length}; }

Slices pieces(std::uint64_t from, std::uint64_t count) {
  Slices slices;
  for (std::uint64_t i = from; i < from + count; ++i) slices.push_back(piece(i));
  return slices;
}

Entry build(MemoryChunks& chunks, const Slices& slices) {
  Entry entry;
  entry.name = "file";
  ContentBuilder builder(chunks.sink());
  for (const Slice& slice : slices) {
    REQUIRE(builder.add(slice));
    entry.size += slice.length;
  }
  REQUIRE(builder.finish(entry));
  return entry;
}

Result<Slices> read(MemoryChunks& chunks, const Entry& entry) {
  Slices slices;
  TRY(for_each_slice(chunks.source(), entry, [&](const Slice& slice) {
    slices.push_back(slice);
    return Result<void>();
  }));
  return slices;
}

ListNode node_of(const MemoryChunks& chunks, const ChunkId& id) {
  return decode_list(as_bytes(chunks.chunks.at(id))).value();
}

ChunkId put_index(MemoryChunks& chunks, std::uint32_t level,
                  const std::vector<std::pair<ChunkId, std::uint64_t>>& children) {
  std::string node;
  {
    StringWriter out(node);
    for (const auto& [id, length] : children) {
      StringWriter nested(out, 2);
      nested.bytes(1, id.span());
      nested.u64(2, length);
    }
    out.u64(3, level);
  }
  return chunks.put(ChunkKind::list, as_bytes(node));
}

TEST_CASE("up to 16 slices stay in the entry, 17 become a list") {
  MemoryChunks chunks;
  const Entry empty = build(chunks, {});
  CHECK(empty.slices.empty());
  CHECK(!empty.list);

  const Entry sixteen = build(chunks, pieces(0, 16));
  CHECK(sixteen.slices == pieces(0, 16));
  CHECK(!sixteen.list);
  CHECK(chunks.chunks.empty());

  const Entry seventeen = build(chunks, pieces(0, 17));
  CHECK(seventeen.slices.empty());
  REQUIRE(seventeen.list);
  CHECK(chunks.chunks.size() == 1);
  CHECK(node_of(chunks, *seventeen.list).slices == pieces(0, 17));
  CHECK(node_of(chunks, *seventeen.list).canonical);
  CHECK(read(chunks, seventeen).value() == pieces(0, 17));
}

TEST_CASE("what continues is merged before it is counted") {
  MemoryChunks chunks;
  Slices slices;
  for (std::uint64_t i = 0; i < 40; ++i)
    slices.push_back({.id = chunk(1), .offset = 100 * i, .length = 100});
  for (std::uint64_t i = 0; i < 40; ++i) slices.push_back(hole(1 << 20));
  const Entry entry = build(chunks, slices);
  CHECK(entry.slices == Slices{{.id = chunk(1), .offset = 0, .length = 4000}, hole(40 << 20)});
}

TEST_CASE("only what really continues is merged") {
  MemoryChunks chunks;
  const Slices slices = {
      {.id = chunk(1), .offset = 0, .length = 100},
      {.id = chunk(1), .offset = 0, .length = 100},    // again, not on
      {.id = chunk(1), .offset = 101, .length = 100},  // a gap
      {.id = chunk(2), .offset = 201, .length = 100},  // another chunk
      hole(5),
      {.id = chunk(2), .offset = 301, .length = 100},  // a hole between
  };
  CHECK(build(chunks, slices).slices == slices);
}

TEST_CASE("a hole has no offset, and what is empty is no slice") {
  MemoryChunks chunks;
  const Slices slices = {{.id = {}, .offset = 77, .length = 5}, piece(1, 0), hole(0), hole(6)};
  CHECK(build(chunks, slices).slices == Slices{hole(11)});
}

TEST_CASE("every node of a long list is canonical and obeys the rule of its ends") {
  MemoryChunks chunks;
  Slices slices = pieces(0, 50'000);
  for (std::size_t i = 500; i < slices.size(); i += 1000) slices[i] = hole(123);
  const Entry entry = build(chunks, slices);
  CHECK(read(chunks, entry).value() == slices);
  CHECK(node_of(chunks, *entry.list).level == 2);
  std::size_t leaves = 0;
  for (const auto& [id, bytes] : chunks.chunks) {
    const ListNode node = decode_list(as_bytes(bytes)).value();
    CHECK(node.canonical);
    CHECK(node.slices.size() <= 512);
    if (node.level != 0) continue;
    ++leaves;
    for (std::size_t i = 63; i + 1 < node.slices.size(); ++i)
      CHECK((!node.slices[i].id || std::to_integer<int>(node.slices[i].id->bytes[0]) > 1));
    const Slice& last = node.slices.back();
    if (node.slices.size() < 512 && last != slices.back())
      CHECK((last.id && std::to_integer<int>(last.id->bytes[0]) <= 1));
  }
  CHECK(leaves > 50'000 / 512);
}

TEST_CASE("holes alone never end a node before its 512th element") {
  MemoryChunks chunks;
  const ChunkId high = samples::id<ChunkId>(0xf0);
  Slices slices;
  for (int i = 0; i < 500; ++i) {
    slices.push_back(hole(10));
    slices.push_back({.id = high, .offset = 0, .length = 10});
  }
  const Entry entry = build(chunks, slices);
  const ListNode top = node_of(chunks, *entry.list);
  REQUIRE(top.children.size() == 2);
  CHECK(node_of(chunks, top.children[0].id).slices.size() == 512);
  CHECK(top.children[0].length == 5120);
}

TEST_CASE("a slice put in front of a long file changes one node per level") {
  MemoryChunks chunks;
  Slices slices = pieces(0, 50'000);
  const Entry entry = build(chunks, slices);
  const std::size_t levels = node_of(chunks, *entry.list).level + 1;
  const std::size_t before = chunks.chunks.size();
  slices.insert(slices.begin(), piece(1'000'000));
  build(chunks, slices);
  // A node that is full at 512 passes its last slice on, once per 60 or so.
  CHECK(chunks.chunks.size() - before <= levels + 2);
}

TEST_CASE("a builder gives one list whatever the pieces it was fed in") {
  MemoryChunks chunks;
  Slices whole, halves;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    whole.push_back(piece(i));
    halves.push_back({.id = chunk(i), .offset = 0, .length = 400});
    halves.push_back({.id = chunk(i), .offset = 400, .length = 600});
  }
  CHECK(build(chunks, whole).list == build(chunks, halves).list);
}

TEST_CASE("slices must cover the size exactly") {
  MemoryChunks chunks;
  Entry entry = build(chunks, pieces(0, 5));
  SUBCASE("slices") {}
  SUBCASE("a list") { entry = build(chunks, pieces(0, 5000)); }
  REQUIRE(read(chunks, entry));
  --entry.size;
  CHECK(read(chunks, entry).error().code == ErrorCode::corrupt);
  entry.size += 2;
  CHECK(read(chunks, entry).error().code == ErrorCode::corrupt);
}

TEST_CASE("inline content is the caller's, but must have the right size") {
  MemoryChunks chunks;
  Entry entry = samples::usual_entry("x");
  entry.slices.clear();
  entry.inline_content = "hello";
  entry.size = 5;
  CHECK(read(chunks, entry).value().empty());
  entry.size = 6;
  CHECK(!read(chunks, entry));
  entry.size = 5;
  entry.slices = pieces(0, 1);
  CHECK(!read(chunks, entry));
}

TEST_CASE("unreadable content has a size but no slices") {
  MemoryChunks chunks;
  Entry entry = samples::usual_entry("x");
  entry.slices.clear();
  CHECK(!read(chunks, entry));
  entry.state = EntryState::unreadable;
  CHECK(read(chunks, entry).value().empty());
}

TEST_CASE("slices whose sum wraps are corrupt") {
  MemoryChunks chunks;
  Entry entry = samples::usual_entry("x");
  entry.slices.assign(5, hole(limits::kFileBytes));
  entry.size = limits::kFileBytes;
  CHECK(read(chunks, entry).error().code == ErrorCode::corrupt);

  const Entry leaf = build(chunks, pieces(0, 17));
  entry.slices.clear();
  const std::uint64_t quarter = std::uint64_t{1} << 62;
  entry.list = put_index(
      chunks, 1,
      {{*leaf.list, quarter}, {*leaf.list, quarter}, {*leaf.list, quarter}, {*leaf.list, quarter}});
  entry.size = 0;
  CHECK(read(chunks, entry).error().code == ErrorCode::corrupt);
}

TEST_CASE("a child that is not what its parent says is corrupt") {
  MemoryChunks chunks;
  const Entry leaf = build(chunks, pieces(0, 17));
  Entry entry = leaf;
  entry.list = put_index(chunks, 1, {{*leaf.list, 17'000}});
  CHECK(read(chunks, entry).value() == pieces(0, 17));
  SUBCASE("another length") {
    entry.list = put_index(chunks, 1, {{*leaf.list, 17'001}});
    entry.size = 17'001;
  }
  SUBCASE("another level") { entry.list = put_index(chunks, 2, {{*leaf.list, 17'000}}); }
  SUBCASE("a level beyond all") { entry.list = put_index(chunks, 8, {{*leaf.list, 17'000}}); }
  SUBCASE("an empty child") {
    entry.list = put_index(chunks, 1, {{*leaf.list, 17'000}, {*leaf.list, 0}});
  }
  CHECK(read(chunks, entry).error().code == ErrorCode::corrupt);
}

TEST_CASE("the same list below two parents is read twice") {
  MemoryChunks chunks;
  const Entry leaf = build(chunks, pieces(0, 17));
  Entry entry = leaf;
  entry.list = put_index(chunks, 1, {{*leaf.list, 17'000}, {*leaf.list, 17'000}});
  entry.size = 34'000;
  CHECK(read(chunks, entry)->size() == 34);
}

TEST_CASE("the caller can stop a walk") {
  MemoryChunks chunks;
  const Entry entry = build(chunks, pieces(0, 1000));
  std::size_t calls = 0;
  const auto result = for_each_slice(chunks.source(), entry, [&](const Slice&) -> Result<void> {
    ++calls;
    return fail(ErrorCode::cancelled, "enough");
  });
  CHECK(result.error().code == ErrorCode::cancelled);
  CHECK(calls == 1);
}

TEST_CASE("a damaged list node does no harm") {
  MemoryChunks chunks;
  const Entry entry = build(chunks, pieces(0, 1000));
  survives_damage(chunks.chunks.at(*entry.list), decode_list);
  const Entry small = build(chunks, pieces(0, 17));
  survives_damage(chunks.chunks.at(*small.list), decode_list);
  CHECK(!decode_list(as_bytes(std::string(limits::kNodeBytes + 1, '\0'))));
}

}  // namespace
}  // namespace lagan
