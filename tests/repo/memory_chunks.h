// SPDX-License-Identifier: Apache-2.0
#pragma once

// Chunks in memory, for tests of trees. An id is the hash of kind and content, so equal chunks are
// one; how often a chunk is fetched is counted.

#include <string>
#include <unordered_map>

#include "crypto/hash.h"
#include "repo/chunk.h"

namespace lagan {

class MemoryChunks {
 public:
  static ChunkId id_of(ChunkKind kind, ByteSpan plaintext) {
    std::string input(as_text(plaintext));
    input.push_back(static_cast<char>(kind));
    return ChunkId{hash(as_bytes(input))};
  }

  ChunkId put(ChunkKind kind, ByteSpan plaintext) {
    const ChunkId id = id_of(kind, plaintext);
    chunks.emplace(id, as_text(plaintext));
    return id;
  }

  ChunkSink sink() {
    return [this](ChunkKind kind, ByteSpan plaintext) -> Result<ChunkId> {
      ++puts;
      return put(kind, plaintext);
    };
  }

  ChunkSource source() {
    return [this](const ChunkId& id, ChunkKind) -> Result<Bytes> {
      ++gets;
      const auto found = chunks.find(id);
      if (found == chunks.end()) return fail(ErrorCode::not_found, "chunk " + id.short_hex());
      return Bytes::copy_of(as_bytes(found->second));
    };
  }

  std::unordered_map<ChunkId, std::string> chunks;
  std::size_t puts = 0;
  std::size_t gets = 0;
};

}  // namespace lagan
