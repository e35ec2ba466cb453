// SPDX-License-Identifier: Apache-2.0
#pragma once

// A site over snapshots in memory, for tests that ask it without a network. The first snapshot is
// ids/01000000.

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "src/serve/site.h"
#include "tests/engine/memory_tree.h"

namespace lagan {

class MemorySite {
 public:
  explicit MemorySite(bool with_webdav = true, bool takes_any_host = true)
      : tree(memory.source, memory.source, MountTreeOptions()),
        site(tree, {.with_webdav = with_webdav,
                    .takes_any_host = takes_any_host,
                    .zip = {.chunks = memory.source,
                            .note = [this](const std::string& what) { notes += what + "\n"; }}}) {}

  void add(const std::vector<Entry>& entries) {
    StoredSnapshot stored;
    stored.id.bytes[0] = static_cast<std::byte>(snapshots.size() + 1);
    stored.snapshot = memory.snapshot(entries);
    stored.snapshot.host = "attic";
    stored.snapshot.time = static_cast<Nanoseconds>(snapshots.size() + 1) * 1'000'000'000;
    stored.snapshot.paths = {"/home"};
    snapshots.push_back(std::move(stored));
    tree.set_snapshots(snapshots);
  }
  void lose(const std::string& content) {
    memory.chunks.chunks.erase(MemoryChunks::id_of(ChunkKind::data, as_bytes(content)));
  }

  WebAnswer ask(const std::string& method, const std::string& path,
                std::map<std::string, std::string> fields = {}, const std::string& body = "") {
    WebRequest request;
    request.method = method;
    const std::size_t question = path.find('?');
    request.path = path.substr(0, question);
    if (question != path.npos) request.words = {path.substr(question + 1)};
    request.fields = std::move(fields);
    request.body = body;
    return site.answer(request);
  }

  static std::string field(const WebAnswer& answer, const std::string& name) {
    std::string found;
    for (const auto& [each, value] : answer.fields) {
      if (each != name) continue;
      CHECK(found.empty());
      found = value;
    }
    return found;
  }

  struct Received {
    std::string text;
    bool is_whole = false;
  };
  // In pieces of that size.
  static Received receive(const WebAnswer& answer, std::size_t piece_bytes = 1000) {
    Received received;
    if (answer.body == nullptr) return {"", true};
    Bytes piece(piece_bytes);
    while (true) {
      const auto size = answer.body->read(piece.span());
      if (!size) return received;
      if (*size == 0) break;
      received.text += as_text(piece.span().first(*size));
    }
    received.is_whole = true;
    if (const auto size = answer.body->size()) CHECK(*size == received.text.size());
    return received;
  }

  MemoryTree memory;
  MountTree tree;
  Site site;
  std::vector<StoredSnapshot> snapshots;
  std::string notes;
};

}  // namespace lagan
