// SPDX-License-Identifier: Apache-2.0
#pragma once

// Made-up segments for the tests of the local index and of its parts.

#include <stdlib.h>

#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "repo/messages.h"
#include "util/id.h"

namespace lagan::samples {

class TemporaryFolder {
 public:
  TemporaryFolder() : path_("/tmp/lagan-index-XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr) std::abort();
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

  std::vector<std::string> files() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      found.push_back(entry.path().string());
    }
    return found;
  }

 private:
  std::string path_;
};

class Samples {
 public:
  explicit Samples(std::uint32_t seed) : random_(seed) {}

  std::uint32_t below(std::uint32_t limit) { return number() % limit; }

  template <typename SomeId>
  SomeId id() {
    SomeId made;
    for (std::byte& byte : made.bytes) byte = static_cast<std::byte>(number());
    return made;
  }

  // Some of its chunks are from `known`.
  PackEntry pack(std::uint32_t blocks, const std::vector<ChunkId>& known = {}) {
    PackEntry pack;
    pack.name = id<PackId>();
    pack.kind = below(4) == 0 ? ObjectKind::tree_pack : ObjectKind::data_pack;
    for (std::byte& byte : pack.header.bytes) byte = static_cast<std::byte>(number());
    pack.directory.session = id<SessionId>();
    pack.directory.created = static_cast<Nanoseconds>(number()) * 1'000'000'007;
    pack.size = kHeaderSize;
    for (std::uint32_t i = 0; i < blocks; ++i) {
      pack.directory.blocks.push_back(block(known));
      pack.size += pack.directory.blocks.back().stored;
    }
    pack.size += 4096;
    return pack;
  }

  Segment segment(std::uint32_t packs, const std::vector<ChunkId>& known = {}) {
    Segment segment;
    for (std::uint32_t i = 0; i < packs; ++i) segment.packs.push_back(pack(below(6), known));
    return segment;
  }

 private:
  Block block(const std::vector<ChunkId>& known) {
    Block block;
    block.codec = below(2) == 0 ? Codec::raw : Codec::zstd;
    block.kind = static_cast<ChunkKind>(1 + below(4));
    block.nonce_tail = std::uint64_t{number()} << 32 | number();
    const std::uint32_t chunks = below(3) == 0 ? 1 : below(90);  // sometimes none at all
    for (std::uint32_t i = 0; i < chunks; ++i) {
      const bool repeat = !known.empty() && below(4) == 0;
      block.ids.push_back(repeat ? known[below(static_cast<std::uint32_t>(known.size()))]
                                 : id<ChunkId>());
      block.lengths.push_back(1 + below(20'000));
      block.raw += block.lengths.back();
    }
    block.stored = below(block.raw + 1) + 16;
    return block;
  }

  std::uint32_t number() { return static_cast<std::uint32_t>(random_()); }

  std::mt19937 random_;
};

}  // namespace lagan::samples
