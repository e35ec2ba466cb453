// SPDX-License-Identifier: Apache-2.0
// Directories as trees of nodes: DirectoryBuilder, for_each_entry, find_entry, decode_directory.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <map>
#include <random>
#include <set>

#include "crypto/prf.h"
#include "repo/limits.h"
#include "repo/tree.h"
#include "repo/wire.h"
#include "tests/repo/hostile.h"
#include "tests/repo/memory_chunks.h"
#include "tests/repo/samples.h"

namespace lagan {
namespace {

using Entries = std::map<std::string, std::string>;

constexpr PrfKey kSplitKey = {std::byte{1}, std::byte{2}, std::byte{3}};

Entries numbered(std::size_t count, std::string_view prefix = "file") {
  Entries entries;
  for (std::size_t i = 0; i < count; ++i) {
    std::string name = fmt::format("{}{:07}", prefix, i);
    entries[name] = encode(samples::usual_entry(name));
  }
  return entries;
}

std::optional<ChunkId> build(MemoryChunks& chunks, const Entries& entries) {
  DirectoryBuilder builder(kSplitKey, chunks.sink());
  for (const auto& [name, encoded] : entries) REQUIRE(builder.add(name, encoded));
  return builder.finish().value();
}

std::vector<std::string> scan(MemoryChunks& chunks, const ChunkId& id) {
  std::vector<std::string> names;
  const auto result = for_each_entry(chunks.source(), id, [&](std::string_view entry) {
    names.emplace_back(entry_name(entry));
    return Result<void>();
  });
  REQUIRE_MESSAGE(result, result.error().message);
  return names;
}

DirectoryNode node_of(const MemoryChunks& chunks, const ChunkId& id) {
  return decode_directory(as_bytes(chunks.chunks.at(id))).value();
}

std::string leaf(std::initializer_list<std::string_view> names) {
  std::string node;
  for (const std::string_view name : names) {
    Entry entry;
    entry.name = name;
    StringWriter(node).element(1, encode(entry));
  }
  return node;
}

struct Child {
  std::string last_name;
  ChunkId id;
};

std::string index_node(std::uint32_t level, const std::vector<Child>& children) {
  std::string node;
  StringWriter out(node);
  for (const Child& child : children) {
    StringWriter nested(out, 2);
    nested.element(1, child.last_name);
    nested.bytes(2, child.id.span());
    nested.u64(3, 1);
  }
  out.u64(3, level);
  return node;
}

ChunkId put(MemoryChunks& chunks, std::string_view node) {
  return chunks.put(ChunkKind::directory, as_bytes(node));
}

TEST_CASE("an empty directory has no node") {
  MemoryChunks chunks;
  CHECK(!build(chunks, {}));
  CHECK(chunks.chunks.empty());
}

TEST_CASE("a small directory is one node") {
  MemoryChunks chunks;
  const ChunkId top = build(chunks, numbered(3)).value();
  CHECK(chunks.chunks.size() == 1);
  const DirectoryNode node = node_of(chunks, top);
  CHECK(node.level == 0);
  CHECK(node.entries.size() == 3);
  CHECK(node.canonical);
}

TEST_CASE("the bytes of a directory never change") {
  MemoryChunks chunks;
  Entries entries;
  for (const std::string name : {"a", "b"}) {
    Entry entry;
    entry.name = name;
    entry.kind = EntryKind::fifo;
    entries[name] = encode(entry);
  }
  const ChunkId top = build(chunks, entries).value();
  CHECK(to_hex(as_bytes(chunks.chunks.at(top))) ==
        "0a050a01611006"
        "0a050a01621006");
}

TEST_CASE("every node of a large directory is canonical and obeys the split rule") {
  MemoryChunks chunks;
  const Entries entries = numbered(100'000);
  const ChunkId top = build(chunks, entries).value();
  CHECK(chunks.puts == chunks.chunks.size());
  // Told independently of the builder: where each level must be cut.
  std::vector<std::string> names;
  for (const auto& [name, encoded] : entries) names.push_back(name);
  std::size_t nodes = 0;
  std::uint32_t level = 0;
  while (true) {
    std::vector<std::string> last_names;
    std::size_t elements = 0;
    for (const std::string& name : names) {
      ++elements;
      const bool border = (siphash24(kSplitKey, as_bytes(name)) >> (8 * level) & 0xff) == 0;
      if ((border && elements >= 64) || elements == 1024 || &name == &names.back()) {
        last_names.push_back(name);
        elements = 0;
      }
    }
    nodes += last_names.size();
    if (last_names.size() == 1) break;
    names = last_names;
    ++level;
  }
  CHECK(level >= 1);
  CHECK(node_of(chunks, top).level == level);
  CHECK(chunks.chunks.size() == nodes);
  for (const auto& [id, bytes] : chunks.chunks) {
    const DirectoryNode node = decode_directory(as_bytes(bytes)).value();
    CHECK(node.canonical);
    CHECK(!node.unknown_fields);
    std::uint64_t below = 0;
    for (const DirectoryChild& child : node.children) below += child.entries;
    if (id == top) CHECK(below == entries.size());
  }
  CHECK(scan(chunks, top).size() == entries.size());
}

TEST_CASE("a directory's id depends on its entries alone") {
  // What was built before, and in which chunks, must not matter.
  MemoryChunks first, second;
  const Entries entries = numbered(5'000);
  const ChunkId id = build(first, entries).value();
  build(second, numbered(3'000, "other"));
  Entries grown = numbered(2'000);
  build(second, grown);
  grown.merge(numbered(5'000));
  CHECK(build(second, grown) == id);
}

TEST_CASE("one new name in 100,000 changes a node per level, or its neighbour") {
  MemoryChunks chunks;
  Entries entries = numbered(100'000);
  build(chunks, entries);
  std::mt19937 random(5);  // seed 5
  std::size_t changed = 0;
  constexpr std::size_t kInserts = 20;
  for (std::size_t i = 0; i < kInserts; ++i) {
    const std::size_t before = chunks.chunks.size();
    const std::string name = fmt::format("file{:07}x", random() % 100'000);
    entries[name] = encode(samples::usual_entry(name));
    build(chunks, entries);
    CHECK(chunks.chunks.size() - before <= 8);
    changed += chunks.chunks.size() - before;
  }
  CHECK(changed <= kInserts * 4);
}

TEST_CASE("long entries end a node by its size") {
  MemoryChunks chunks;
  Entries entries;
  for (int i = 0; i < 40; ++i) {
    Entry entry = samples::usual_entry(fmt::format("{:02}", i));
    entry.inline_content.assign(30'000, 'x');
    entries[entry.name] = encode(entry);
  }
  const ChunkId top = build(chunks, entries).value();
  CHECK(node_of(chunks, top).level == 1);
  std::string first = chunks.chunks.at(node_of(chunks, top).children.at(0).id);
  CHECK(decode_directory(as_bytes(first))->entries.size() ==
        9);  // 9 * 30 KB is the first ≥ 256 KiB
  CHECK(scan(chunks, top).size() == 40);
}

TEST_CASE("nodes as large as the rule allows are within the limit of readers") {
  MemoryChunks chunks;
  Entries entries;
  for (int i = 0; i < 10; ++i) {
    Entry entry = samples::usual_entry(fmt::format("{:02}", i));
    entry.inline_content.assign(limits::kEntryBytes - 200, 'x');
    entries[entry.name] = encode(entry);
  }
  // Names of the full length make index nodes that end by size too.
  for (int i = 0; i < 3'000; ++i) {
    Entry entry;
    entry.name = fmt::format("z{:04}{}", i, std::string(4'091, 'n'));
    entries[entry.name] = encode(entry);
  }
  const ChunkId top = build(chunks, entries).value();
  CHECK(scan(chunks, top).size() == entries.size());
  for (const auto& [id, bytes] : chunks.chunks) CHECK(bytes.size() <= 512 * limits::kKiB);
}

TEST_CASE("a builder refuses names that do not ascend, and goes on") {
  MemoryChunks chunks;
  DirectoryBuilder builder(kSplitKey, chunks.sink());
  const std::string entry = encode(samples::usual_entry("b"));
  REQUIRE(builder.add("b", entry));
  CHECK(builder.add("b", entry).error().code == ErrorCode::invalid_argument);
  CHECK(builder.add("a", entry).error().code == ErrorCode::invalid_argument);
  CHECK(builder.add("c/d", entry).error().code == ErrorCode::invalid_argument);
  CHECK(builder.add("..", entry).error().code == ErrorCode::invalid_argument);
  const std::string huge(limits::kEntryBytes + 1, 'x');
  CHECK(builder.add("c", huge).error().code == ErrorCode::invalid_argument);
  const ChunkId top = builder.finish().value().value();
  CHECK(scan(chunks, top) == std::vector<std::string>{"b"});
}

TEST_CASE("names order as unsigned bytes") {
  MemoryChunks chunks;
  DirectoryBuilder builder(kSplitKey, chunks.sink());
  for (const std::string name : {"A", "z", "\x7f", "\x80", "\xff"})
    CHECK(builder.add(name, encode(samples::usual_entry(name))));
  CHECK(node_of(chunks, builder.finish().value().value()).canonical);
}

TEST_CASE("the sink's failure is the builder's") {
  DirectoryBuilder builder(kSplitKey, [](ChunkKind, ByteSpan) -> Result<ChunkId> {
    return fail(ErrorCode::no_space, "full");
  });
  REQUIRE(builder.add("a", encode(samples::usual_entry("a"))));
  CHECK(builder.finish().error().code == ErrorCode::no_space);
}

TEST_CASE("entries are found by name, one node per level") {
  MemoryChunks chunks;
  const Entries entries = numbered(30'000);
  const ChunkId top = build(chunks, entries).value();
  const std::size_t levels = node_of(chunks, top).level + 1;
  std::mt19937 random(6);  // seed 6
  const std::vector<std::string> names = scan(chunks, top);
  for (int i = 0; i < 200; ++i) {
    const std::string& name = names[random() % names.size()];
    chunks.gets = 0;
    const auto found = find_entry(chunks.source(), top, name).value();
    CHECK(chunks.gets == levels);
    REQUIRE(found);
    CHECK(encode(*found) == entries.at(name));
    CHECK(!find_entry(chunks.source(), top, name + "x").value());
  }
  CHECK(find_entry(chunks.source(), top, names.front()).value());
  CHECK(find_entry(chunks.source(), top, names.back()).value());
  CHECK(!find_entry(chunks.source(), top, "").value());
  CHECK(!find_entry(chunks.source(), top, "a").value());
  CHECK(!find_entry(chunks.source(), top, "zzz").value());
}

TEST_CASE("a million entries are built and walked") {
  MemoryChunks chunks;
  DirectoryBuilder builder(kSplitKey, chunks.sink());
  Entry entry;
  for (int i = 0; i < 1'000'000; ++i) {
    entry.name = fmt::format("{:07}", i);
    if (!builder.add(entry.name, encode(entry))) FAIL("not added");
  }
  const ChunkId top = builder.finish().value().value();
  const DirectoryNode node = node_of(chunks, top);
  CHECK(node.level == 2);
  std::uint64_t below = 0;
  for (const DirectoryChild& child : node.children) below += child.entries;
  CHECK(below == 1'000'000);
  int next = 0;
  REQUIRE(for_each_entry(chunks.source(), top, [&](std::string_view encoded) -> Result<void> {
    if (entry_name(encoded) == fmt::format("{:07}", next++)) return {};
    return fail(ErrorCode::internal, "out of order");
  }));
  CHECK(next == 1'000'000);
}

TEST_CASE("a missing or damaged leaf does not take the others with it") {
  MemoryChunks chunks;
  const Entries entries = numbered(10'000);
  const ChunkId top = build(chunks, entries).value();
  const DirectoryNode node = node_of(chunks, top);
  REQUIRE(node.children.size() > 3);
  const DirectoryChild lost = node.children[1];
  SUBCASE("missing") { chunks.chunks.erase(lost.id); }
  SUBCASE("damaged") { chunks.chunks[lost.id] = "\xff\xff"; }
  SUBCASE("another one") { chunks.chunks[lost.id] = chunks.chunks[node.children[2].id]; }
  std::size_t seen = 0;
  const auto result = for_each_entry(chunks.source(), top, [&](std::string_view) {
    ++seen;
    return Result<void>();
  });
  CHECK(!result);
  CHECK(seen == entries.size() - lost.entries);
}

TEST_CASE("a walk stops at once when the storage is away or the caller has enough") {
  MemoryChunks chunks;
  const ChunkId top = build(chunks, numbered(10'000)).value();
  const auto each = [](std::string_view) { return Result<void>(); };
  std::size_t calls = 0;
  const ChunkSource away = [&](const ChunkId& id, ChunkKind kind) -> Result<Bytes> {
    if (++calls > 2) return fail(ErrorCode::unavailable, "away");
    return chunks.source()(id, kind);
  };
  CHECK(for_each_entry(away, top, each).error().code == ErrorCode::unavailable);
  CHECK(calls == 3);

  calls = 0;
  const auto enough = for_each_entry(chunks.source(), top, [&](std::string_view) -> Result<void> {
    ++calls;
    return fail(ErrorCode::cancelled, "enough");
  });
  CHECK(enough.error().code == ErrorCode::cancelled);
  CHECK(calls == 1);
}

TEST_CASE("levels must go down one by one") {
  MemoryChunks chunks;
  const ChunkId entries = put(chunks, leaf({"a", "b"}));
  const auto walks = [&](std::uint32_t level) {
    const ChunkId top = put(chunks, index_node(level, {{"b", entries}}));
    const auto each = [](std::string_view) { return Result<void>(); };
    const bool walked = for_each_entry(chunks.source(), top, each).has_value();
    CHECK(find_entry(chunks.source(), top, "a").has_value() == walked);
    return walked;
  };
  CHECK(walks(1));
  CHECK(!walks(2));
  CHECK(!walks(7));
  CHECK(!walks(8));
  CHECK(!walks(0));
  CHECK(!walks(0xffffffff));
}

TEST_CASE("a small forged tree does not stand for endlessly many entries") {
  MemoryChunks chunks;
  const auto count_gets = [&](const ChunkId& top) {
    chunks.gets = 0;
    std::size_t seen = 0;
    (void)for_each_entry(chunks.source(), top, [&](std::string_view) {
      ++seen;
      return Result<void>();
    });
    CHECK(seen <= 2);
    return chunks.gets;
  };
  ChunkId below = put(chunks, leaf({"a", "m"}));
  SUBCASE("the same child over and over") {
    for (std::uint32_t level = 1; level <= 7; ++level)
      below = put(chunks, index_node(level, std::vector<Child>(100, {"m", below})));
    CHECK(count_gets(below) == 8);
  }
  SUBCASE("the same child under ascending names") {
    for (std::uint32_t level = 1; level <= 7; ++level) {
      std::vector<Child> children{{"m", below}};
      for (int i = 0; i < 100; ++i) children.push_back({fmt::format("n{:03}", i), below});
      below = put(chunks, index_node(level, children));
    }
    CHECK(count_gets(below) <= 8 * 101);
  }
  SUBCASE("nodes that share their children") {
    // 20 nodes on a level, the i-th with the first i of the level below: about a million paths.
    // The leaves are missing, so nothing but the claimed names can end the walk.
    std::vector<Child> row;
    for (int i = 10; i < 30; ++i)
      row.push_back({std::to_string(i), samples::id<ChunkId>(static_cast<unsigned char>(i))});
    for (std::uint32_t level = 1; level <= 7; ++level) {
      std::vector<Child> next;
      for (std::size_t i = 0; i < row.size(); ++i) {
        const std::vector<Child> first(row.begin(),
                                       row.begin() + static_cast<std::ptrdiff_t>(i) + 1);
        next.push_back({row[i].last_name, put(chunks, index_node(level, first))});
      }
      row = std::move(next);
    }
    CHECK(count_gets(row.back().id) <= 8 * 20);
  }
}

TEST_CASE("children out of order are corrupt for a lookup") {
  MemoryChunks chunks;
  const ChunkId a = put(chunks, leaf({"a"}));
  const ChunkId b = put(chunks, leaf({"b"}));
  const ChunkId top = put(chunks, index_node(1, {{"b", b}, {"a", a}}));
  CHECK(find_entry(chunks.source(), top, "a").error().code == ErrorCode::corrupt);
  CHECK(!node_of(chunks, top).canonical);
}

TEST_CASE("a name that occurs twice is the first one") {
  MemoryChunks chunks;
  Entry first = samples::usual_entry("a");
  Entry second = first;
  second.mode = 0600;
  std::string node;
  StringWriter(node).element(1, encode(first));
  StringWriter(node).element(1, encode(second));
  const ChunkId top = put(chunks, node);
  CHECK(!node_of(chunks, top).canonical);
  CHECK(find_entry(chunks.source(), top, "a").value()->mode == 0644);
  CHECK(scan(chunks, top).size() == 2);  // both are handed out: the caller decides
}

TEST_CASE("a node that breaks a rule is refused or told apart") {
  const auto decode = [](const std::string& node) { return decode_directory(as_bytes(node)); };
  const ChunkId id = samples::id<ChunkId>(1);
  std::string level;
  StringWriter(level).u64(3, 1);
  CHECK(decode(leaf({"a", "b"}))->canonical);
  CHECK(!decode(leaf({"b", "a"}))->canonical);
  CHECK(!decode("")->canonical);
  CHECK(!decode(leaf({"a"}) + level));
  CHECK(!decode(index_node(0, {{"a", id}})));
  CHECK(!decode(index_node(8, {{"a", id}})));
  CHECK(decode(index_node(7, {{"a", id}}))->canonical);
  CHECK(!decode(leaf({"a"}) + index_node(1, {{"b", id}})));
  CHECK(!decode(std::string(limits::kNodeBytes + 1, '\0')));

  std::string no_id;
  StringWriter(no_id).element(2, leaf({"a"}));
  CHECK(!decode(no_id + level));

  std::string unknown = leaf({"a"});
  StringWriter(unknown).u64(9, 1);
  CHECK(decode(unknown)->unknown_fields);
  CHECK(decode(unknown)->canonical);
}

TEST_CASE("a damaged node does no harm") {
  MemoryChunks chunks;
  const ChunkId top = build(chunks, numbered(600)).value();
  REQUIRE(node_of(chunks, top).level == 1);
  survives_damage(chunks.chunks.at(top), decode_directory);
  survives_damage(leaf({"a", "b", "c"}), decode_directory);
  survives_damage(chunks.chunks.at(top), [&](ByteSpan node) {
    MemoryChunks damaged = chunks;
    const ChunkId id = damaged.put(ChunkKind::directory, node);
    (void)find_entry(damaged.source(), id, "file0000300");
    return for_each_entry(damaged.source(), id, [](std::string_view) { return Result<void>(); });
  });
}

}  // namespace
}  // namespace lagan
