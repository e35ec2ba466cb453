// SPDX-License-Identifier: Apache-2.0
#pragma once

// Chunks of file content in memory, verified, for whoever reads a little here and a little there.
// What several threads want at once is fetched once; what will be wanted soon is fetched ahead by
// threads of its own. Any thread may call anything.

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "mount/lru_cache.h"
#include "repo/chunk.h"
#include "util/mutex.h"

namespace lagan {

class ChunkCache {
 public:
  using Chunk = std::shared_ptr<const Bytes>;
  // A number that chunks have alike which the source fetches together.
  using BlockOf = std::function<std::uint64_t(const ChunkId&)>;

  // Keeps up to `max_bytes`. Without threads nothing is fetched ahead; with them, what is wanted in
  // a row and lies in one block is left to one of them, if `block_of` tells.
  ChunkCache(ChunkSource source, std::size_t max_bytes, std::size_t threads, BlockOf block_of = {});
  ~ChunkCache();

  Result<Chunk> load(const ChunkId& id);

  // Fetches it ahead, unless it is there, under way, or too much waits already. What fails then
  // fails again for who asks.
  void prefetch(const ChunkId& id);
  bool can_prefetch() const { return !threads_.empty(); }

  std::size_t max_bytes() const { return max_bytes_; }
  std::size_t bytes() const;  // that are in use
  // Waits until nothing more is fetched ahead.
  void settle();

 private:
  struct Fetch {
    bool is_done = false;
    Result<Chunk> chunk = Chunk();
  };
  Result<Chunk> fetch(const ChunkId& id, const std::shared_ptr<Fetch>& fetch);
  bool keep(const ChunkId& id, const Chunk& chunk) REQUIRES(mutex_);
  void finish(const ChunkId& id, Fetch& fetch, Result<Chunk> chunk) REQUIRES(mutex_);
  void work();

  struct Ahead {
    ChunkId id;
    std::uint64_t block = 0;
  };
  std::vector<std::pair<ChunkId, std::shared_ptr<Fetch>>> take_block() REQUIRES(mutex_);

  const ChunkSource source_;
  const BlockOf block_of_;
  const std::size_t max_bytes_;
  mutable Mutex mutex_;
  Condition done_, wanted_;
  LruCache<ChunkId, Chunk> chunks_ GUARDED_BY(mutex_);
  std::unordered_map<ChunkId, std::shared_ptr<Fetch>> under_way_ GUARDED_BY(mutex_);
  std::size_t dropped_bytes_ GUARDED_BY(mutex_) = 0;  // since the last look
  std::size_t allowed_bytes_ GUARDED_BY(mutex_);      // of the whole program
  std::deque<Ahead> ahead_ GUARDED_BY(mutex_);
  std::unordered_set<ChunkId> waiting_ GUARDED_BY(mutex_);  // the same, to be found
  bool is_stopped_ GUARDED_BY(mutex_) = false;
  std::vector<std::jthread> threads_;  // the last member: they use the others
};

}  // namespace lagan
