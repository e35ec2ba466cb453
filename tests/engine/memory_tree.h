// SPDX-License-Identifier: Apache-2.0
#pragma once

// Snapshots in memory, for tests of what walks them: folders are written as backups write them.

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "repo/tree.h"
#include "tests/repo/memory_chunks.h"

namespace lagan {

inline Entry file_entry(std::string name, std::string content) {
  Entry entry;
  entry.name = std::move(name);
  entry.mode = 0644;
  entry.size = content.size();
  entry.inline_content = std::move(content);
  return entry;
}

class MemoryTree {
 public:
  // A file whose content is one chunk for each piece; an empty piece is a hole of 100,000 bytes.
  Entry chunked_file(std::string name, const std::vector<std::string>& pieces) {
    Entry entry = file_entry(std::move(name), "");
    ContentBuilder content(chunks.sink());
    for (const std::string& piece : pieces) {
      Slice slice{std::nullopt, 0, 100'000};
      if (!piece.empty()) slice = {chunks.put(ChunkKind::data, as_bytes(piece)), 0, piece.size()};
      REQUIRE(content.add(slice));
      entry.size += slice.length;
    }
    REQUIRE(content.finish(entry));
    return entry;
  }

  // A folder of these entries.
  Entry folder(std::string name, const std::vector<Entry>& entries) {
    Entry entry;
    entry.name = std::move(name);
    entry.kind = EntryKind::directory;
    entry.mode = 0755;
    entry.subtree = subtree(entries);
    return entry;
  }

  Subtree subtree(const std::vector<Entry>& entries) {
    std::map<std::string, const Entry*> sorted;
    for (const Entry& entry : entries) sorted[entry.name] = &entry;
    DirectoryBuilder builder(PrfKey{}, chunks.sink());
    for (const auto& [name, entry] : sorted) REQUIRE(builder.add(name, encode(*entry)));
    Subtree made;
    const auto id = builder.finish();
    REQUIRE(id);
    made.id = *id;
    return made;
  }

  Snapshot snapshot(const std::vector<Entry>& entries) {
    Snapshot made;
    made.root = subtree(entries);
    return made;
  }

  MemoryChunks chunks;
  const ChunkSource source = chunks.source();
};

// For visitors: no trouble is expected.
inline void no_trouble(const std::string& path, const Error& error) {
  FAIL_CHECK(path << ": " << error.message);
}

}  // namespace lagan
