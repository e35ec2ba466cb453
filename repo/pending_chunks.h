// SPDX-License-Identifier: Apache-2.0
#pragma once

// Ids of chunks that this session has taken on but no index lists yet. Who claims an id first
// stores the chunk. Any thread may call anything.

#include <array>
#include <span>
#include <unordered_set>

#include "util/id.h"
#include "util/mutex.h"

namespace lagan {

class PendingChunks {
 public:
  // True for the first caller.
  bool claim(const ChunkId& id) {
    Shard& shard = shard_of(id);
    const MutexLock lock(shard.mutex);
    return shard.ids.insert(id).second;
  }
  bool contains(const ChunkId& id) const {
    const Shard& shard = shard_of(id);
    const MutexLock lock(shard.mutex);
    return shard.ids.contains(id);
  }
  // The index lists them now.
  void forget(std::span<const ChunkId> ids) {
    for (const ChunkId& id : ids) {
      Shard& shard = shard_of(id);
      const MutexLock lock(shard.mutex);
      shard.ids.erase(id);
    }
  }

 private:
  struct Shard {
    mutable Mutex mutex;
    std::unordered_set<ChunkId> ids GUARDED_BY(mutex);
  };
  Shard& shard_of(const ChunkId& id) {
    return shards_[std::to_integer<std::size_t>(id.bytes[31]) % shards_.size()];
  }
  const Shard& shard_of(const ChunkId& id) const {
    return shards_[std::to_integer<std::size_t>(id.bytes[31]) % shards_.size()];
  }

  std::array<Shard, 16> shards_;
};

}  // namespace lagan
