// SPDX-License-Identifier: Apache-2.0
#pragma once

// Chunks by id: looks up, fetches the block, opens it, verifies the chunk. Keeps recently used
// blocks, for neighbours are asked for next. Any number of threads.

#include <array>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>

#include "repo/chunk.h"
#include "repo/local_index.h"
#include "repo/pack_reader.h"
#include "repo/repository.h"
#include "util/mutex.h"

namespace lagan {

class ChunkReader {
 public:
  // Blocks of up to `cache_bytes` in total are kept.
  ChunkReader(const Repository& repository, const LocalIndex& index,
              std::size_t cache_bytes = std::size_t{32} << 20);

  // For those who only read, before any other call: what is missing is looked for in the index once
  // more, for collectors may have moved it.
  void follow_moves() { elsewhere_ = Elsewhere::moved; }
  // And what is damaged in other packs, which may hold it as well. Not for those who look for
  // damage.
  void follow_copies() { elsewhere_ = Elsewhere::copied; }

  // An id that no segment lists is `not_found`, and so is one whose pack is gone.
  Result<Bytes> load(const ChunkId& id, ChunkKind kind);

  // For readers of trees.
  ChunkSource source() {
    return [this](const ChunkId& id, ChunkKind kind) { return load(id, kind); };
  }

  // A number that chunks of one block have alike, and hardly any others.
  std::uint64_t block_of(const ChunkId& id) const;

  // The whole raw block that a location lies in, fetched anew; its chunks are not verified.
  Result<Bytes> read_block(const ChunkLocation& location);

  // Opens a block whose sealed bytes were fetched already (restore reads several at once).
  Result<Bytes> open_block(const ChunkLocation& location, ByteSpan sealed);

 private:
  struct BlockKey {
    std::uint32_t pack_number, block_number;
    friend auto operator<=>(const BlockKey&, const BlockKey&) = default;
  };
  using Cached = std::pair<BlockKey, std::shared_ptr<const Bytes>>;

  struct Newer;
  Result<Bytes> load_listed(const ChunkId& id, ChunkKind kind);
  std::optional<Result<Bytes>> load_elsewhere(const ChunkId& id, ChunkKind kind,
                                              std::optional<PackId> damaged);
  Result<std::shared_ptr<Newer>> look_again(const std::shared_ptr<Newer>& before,
                                            const std::optional<PackId>& damaged);
  std::shared_ptr<const Bytes> find_block(const BlockKey& key);
  Result<std::shared_ptr<const Bytes>> cached_block(const ChunkLocation& location);
  Result<std::unique_ptr<PackOpener>> take_opener(const ChunkLocation& location);
  void return_opener(std::uint32_t pack_number, std::unique_ptr<PackOpener> opener);

  const Repository& repository_;
  const LocalIndex& index_;
  const std::size_t cache_bytes_;
  // Several threads want neighbours at the same time: the first opens their block, and the others
  // find it in the cache. Many more than there are threads.
  std::array<Mutex, 64> opening_;
  Mutex mutex_;
  std::list<Cached> blocks_ GUARDED_BY(mutex_);  // most recently used first
  std::map<BlockKey, std::list<Cached>::iterator> by_key_ GUARDED_BY(mutex_);
  std::size_t cached_bytes_ GUARDED_BY(mutex_) = 0;
  // Idle openers, so that the key agreement (46 us) is done about once for a pack and thread.
  std::list<std::pair<std::uint32_t, std::unique_ptr<PackOpener>>> openers_ GUARDED_BY(mutex_);
  enum class Elsewhere { nowhere, moved, copied };  // where else a chunk is looked for
  Elsewhere elsewhere_ = Elsewhere::nowhere;
  Mutex newer_mutex_;
  std::shared_ptr<Newer> newer_ GUARDED_BY(newer_mutex_);  // the latest look; null: there was none
  std::size_t vain_looks_ GUARDED_BY(newer_mutex_) = 0;
};

}  // namespace lagan
