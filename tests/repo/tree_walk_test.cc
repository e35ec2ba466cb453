// SPDX-License-Identifier: Apache-2.0
#include "repo/tree_walk.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <unordered_set>

#include "repo/limits.h"
#include "repo/tree.h"
#include "tests/repo/memory_chunks.h"
#include "tests/repo/samples.h"

namespace lagan {
namespace {

const PrfKey kKey{};

ChunkId directory_of(MemoryChunks& chunks, std::vector<Entry> entries) {
  DirectoryBuilder builder(kKey, chunks.sink());
  std::ranges::sort(entries, {}, &Entry::name);
  for (const Entry& entry : entries) REQUIRE(builder.add(entry.name, encode(entry)));
  return builder.finish().value().value();
}

Entry folder(std::string name, const ChunkId& id) {
  Entry entry;
  entry.name = std::move(name);
  entry.kind = EntryKind::directory;
  entry.subtree.id = id;
  return entry;
}

Entry file_of(MemoryChunks& chunks, std::string name, std::size_t slices) {
  Entry entry = samples::usual_entry(std::move(name));
  entry.size = 0;
  entry.slices.clear();
  ContentBuilder content(chunks.sink());
  for (std::size_t i = 0; i < slices; ++i) {
    const std::string bytes = entry.name + std::to_string(i);
    const ChunkId id = chunks.put(ChunkKind::data, as_bytes(bytes));
    REQUIRE(content.add({id, 0, bytes.size()}));
    entry.size += bytes.size();
  }
  REQUIRE(content.finish(entry));
  return entry;
}

struct Walked {
  std::map<ChunkId, std::pair<ChunkKind, std::string>> chunks;
  std::vector<std::string> troubles;
  std::size_t calls = 0;
};

Walked walk(MemoryChunks& chunks, const Snapshot& snapshot) {
  Walked result;
  std::unordered_set<ChunkId> seen;
  const ChunkWalk callbacks{
      .is_new = [&](const ChunkId& id) { return seen.insert(id).second; },
      .each = [&](const ChunkId& id, ChunkKind kind, const std::string& path) -> Result<void> {
        ++result.calls;
        result.chunks.emplace(id, std::pair(kind, path));
        return {};
      },
      .trouble = [&](const std::string& path, const Error&) -> Result<void> {
        result.troubles.push_back(path);
        return {};
      }};
  REQUIRE(walk_chunks(chunks.source(), snapshot, callbacks));
  return result;
}

TEST_CASE("a walk names every chunk that a snapshot needs, once") {
  MemoryChunks chunks;
  const Entry small = file_of(chunks, "small", 3), large = file_of(chunks, "large", 2000);
  REQUIRE(large.list);
  Entry with_attribute = samples::usual_entry("attributed");
  with_attribute.slices.clear();
  with_attribute.size = 0;
  const ChunkId value = chunks.put(ChunkKind::data, as_bytes(std::string(600, 'v')));
  with_attribute.xattrs = {{"user.big", "", {{value, 0, 600}}}};
  const ChunkId inner = directory_of(chunks, {small, large, with_attribute});
  std::vector<Entry> many;
  for (int i = 0; i < 3000; ++i) many.push_back(samples::usual_entry("n" + std::to_string(i)));
  for (Entry& entry : many) entry.slices[0].id = value;
  const ChunkId wide = directory_of(chunks, many);
  Snapshot snapshot;
  snapshot.root.id =
      directory_of(chunks, {folder("a", inner), folder("b", inner), folder("wide", wide)});
  snapshot.root_record = chunks.put(ChunkKind::root_record, as_bytes("record"));

  const Walked walked = walk(chunks, snapshot);
  CHECK(walked.troubles.empty());
  CHECK(walked.calls == chunks.chunks.size());
  CHECK(walked.chunks.size() == chunks.chunks.size());
  for (const auto& [id, content] : chunks.chunks) CHECK(walked.chunks.contains(id));
  CHECK(walked.chunks.at(*snapshot.root_record).first == ChunkKind::root_record);
  CHECK(walked.chunks.at(*large.list).second == "/a/large");
  CHECK(walked.chunks.at(value).second == "/a/attributed");
}

TEST_CASE("what cannot be read is trouble of its path, and the walk goes on") {
  MemoryChunks chunks;
  const ChunkId lost = directory_of(chunks, {samples::usual_entry("x")});
  const ChunkId damaged = directory_of(chunks, {samples::usual_entry("y")});
  const ChunkId sound = directory_of(chunks, {samples::usual_entry("z")});
  Snapshot snapshot;
  snapshot.root.id =
      directory_of(chunks, {folder("a", lost), folder("b", damaged), folder("c", sound)});
  chunks.chunks.erase(lost);
  chunks.chunks[damaged] = "not a directory";
  const Walked walked = walk(chunks, snapshot);
  CHECK(walked.troubles == std::vector<std::string>{"/a", "/b"});
  CHECK(walked.chunks.contains(lost));  // named, though it cannot be read
  CHECK(walked.chunks.contains(sound));
}

TEST_CASE("an error of the caller ends the walk") {
  MemoryChunks chunks;
  Snapshot snapshot;
  snapshot.root.id = directory_of(chunks, {file_of(chunks, "f", 10)});
  std::unordered_set<ChunkId> seen;
  const ChunkWalk callbacks{
      .is_new = [&](const ChunkId& id) { return seen.insert(id).second; },
      .each = [](const ChunkId&, ChunkKind kind, const std::string&) -> Result<void> {
        if (kind == ChunkKind::data) return fail(ErrorCode::cancelled, "enough");
        return {};
      },
      .trouble = [](const std::string&, Error error) -> Result<void> {
        return fail(std::move(error));
      }};
  const auto walked = walk_chunks(chunks.source(), snapshot, callbacks);
  REQUIRE_FALSE(walked);
  CHECK(walked.error().code == ErrorCode::cancelled);
}

TEST_CASE("snapshots that share what they hold are walked once") {
  MemoryChunks chunks;
  const ChunkId shared = directory_of(chunks, {file_of(chunks, "f", 10)});
  Snapshot one, two;
  one.root.id = directory_of(chunks, {folder("a", shared)});
  two.root.id = directory_of(chunks, {folder("b", shared)});
  std::unordered_set<ChunkId> seen;
  std::size_t calls = 0;
  const ChunkWalk callbacks{
      .is_new = [&](const ChunkId& id) { return seen.insert(id).second; },
      .each = [&](const ChunkId&, ChunkKind, const std::string&) -> Result<void> {
        ++calls;
        return {};
      },
      .trouble = [](const std::string&, Error error) -> Result<void> {
        return fail(std::move(error));
      }};
  REQUIRE(walk_chunks(chunks.source(), one, callbacks));
  const std::size_t first = calls;
  REQUIRE(walk_chunks(chunks.source(), two, callbacks));
  CHECK(calls == first + 1);
}

TEST_CASE("a tree that nests deeper than a path may is trouble, not the end of the stack") {
  MemoryChunks chunks;
  ChunkId below = directory_of(chunks, {samples::usual_entry("x")});
  for (std::size_t i = 0; i < 3 * limits::kPathDepth; ++i)
    below = directory_of(chunks, {folder("d", below)});
  Snapshot snapshot;
  snapshot.root.id = below;
  CHECK(walk(chunks, snapshot).troubles.size() == 1);
}

TEST_CASE("an empty snapshot needs nothing") {
  MemoryChunks chunks;
  CHECK(walk(chunks, Snapshot()).calls == 0);
}

}  // namespace
}  // namespace lagan
