// SPDX-License-Identifier: Apache-2.0
#include "mount/chunk_cache.h"

#include "mount/cache_sizes.h"
#include "mount/outage.h"
#include "util/threads.h"

namespace lagan {
namespace {

// Lists and tables take about so much for each chunk.
constexpr std::size_t kOverheadBytes = 200;
// More is not fetched ahead in time.
constexpr std::size_t kAheadMax = 1024;
// How much memory the program takes is looked at when so much of the cache was dropped.
constexpr std::size_t kDroppedPart = 8;
// It may be as much as all caches, of which this one is three quarters, and some.
constexpr std::size_t kOtherBytes = std::size_t{100} << 20;

}  // namespace

ChunkCache::ChunkCache(ChunkSource source, std::size_t max_bytes, std::size_t threads,
                       BlockOf block_of)
    : source_(std::move(source)),
      block_of_(std::move(block_of)),
      max_bytes_(max_bytes),
      chunks_(max_bytes),
      allowed_bytes_(max_bytes + max_bytes / 3 + kOtherBytes) {
  // Without any nothing is fetched ahead.
  (void)start_threads(threads_, threads, [this] { work(); });
}

ChunkCache::~ChunkCache() {
  const MutexLock lock(mutex_);
  is_stopped_ = true;
  wanted_.notify_all();
}

std::size_t ChunkCache::bytes() const {
  const MutexLock lock(mutex_);
  return chunks_.weight();
}

Result<ChunkCache::Chunk> ChunkCache::load(const ChunkId& id) {
  std::shared_ptr<Fetch> under_way;
  {
    const MutexLock lock(mutex_);
    if (const Chunk* chunk = chunks_.find(id)) return *chunk;
    if (const auto it = under_way_.find(id); it != under_way_.end()) {
      under_way = it->second;
      while (!under_way->is_done) done_.wait(mutex_);
      return under_way->chunk;
    }
    under_way = under_way_[id] = std::make_shared<Fetch>();
  }
  return fetch(id, under_way);
}

Result<ChunkCache::Chunk> ChunkCache::fetch(const ChunkId& id,
                                            const std::shared_ptr<Fetch>& fetch) {
  auto bytes = source_(id, ChunkKind::data);
  std::size_t allowed = 0;
  {
    const MutexLock lock(mutex_);
    if (bytes) {
      auto chunk = std::make_shared<const Bytes>(*std::move(bytes));
      if (keep(id, chunk)) allowed = allowed_bytes_;
      finish(id, *fetch, std::move(chunk));
    } else {
      finish(id, *fetch, fail(std::move(bytes).error()));
    }
  }
  // After who waits for it has it. What cannot be given back need not be tried again and again.
  if (allowed > 0) {
    const std::size_t taken = give_back_freed_memory(allowed);
    const MutexLock lock(mutex_);
    if (taken > allowed) allowed_bytes_ = taken + max_bytes_ / kDroppedPart;
  }
  return fetch->chunk;
}

// True if much was dropped for it and what came before it.
bool ChunkCache::keep(const ChunkId& id, const Chunk& chunk) {
  const std::size_t weight = chunk->size() + kOverheadBytes;
  const std::size_t before = chunks_.weight() + weight;
  chunks_.put(id, chunk, weight);
  dropped_bytes_ += before - chunks_.weight();
  if (dropped_bytes_ < max_bytes_ / kDroppedPart) return false;
  dropped_bytes_ = 0;
  return true;
}

void ChunkCache::finish(const ChunkId& id, Fetch& fetch, Result<Chunk> chunk) {
  fetch.chunk = std::move(chunk);
  fetch.is_done = true;
  under_way_.erase(id);
  done_.notify_all();
}

void ChunkCache::prefetch(const ChunkId& id) {
  if (threads_.empty()) return;
  const std::uint64_t block = block_of_ ? block_of_(id) : 0;
  const MutexLock lock(mutex_);
  if (chunks_.contains(id) || under_way_.contains(id) || ahead_.size() >= kAheadMax) return;
  if (!waiting_.insert(id).second) return;
  ahead_.push_back({id, block});
  wanted_.notify_one();
}

void ChunkCache::settle() {
  const MutexLock lock(mutex_);
  while (!ahead_.empty() || !under_way_.empty()) done_.wait(mutex_);
}

// The first that waits, and those behind it that come with it.
std::vector<std::pair<ChunkId, std::shared_ptr<ChunkCache::Fetch>>> ChunkCache::take_block() {
  std::vector<std::pair<ChunkId, std::shared_ptr<Fetch>>> taken;
  const std::uint64_t block = ahead_.front().block;
  do {
    const ChunkId id = ahead_.front().id;
    ahead_.pop_front();
    waiting_.erase(id);
    if (chunks_.contains(id) || under_way_.contains(id)) continue;
    taken.emplace_back(id, under_way_[id] = std::make_shared<Fetch>());
  } while (block_of_ && !ahead_.empty() && ahead_.front().block == block);
  return taken;
}

void ChunkCache::work() {
  while (true) {
    std::vector<std::pair<ChunkId, std::shared_ptr<Fetch>>> block;
    {
      const MutexLock lock(mutex_);
      while (ahead_.empty() && !is_stopped_) wanted_.wait(mutex_);
      if (is_stopped_) return;
      block = take_block();
      if (block.empty()) done_.notify_all();
    }
    std::optional<Error> failed;
    for (const auto& [id, fetching] : block) {
      if (failed) {
        const MutexLock lock(mutex_);
        finish(id, *fetching, fail(*failed));
        continue;
      }
      const auto chunk = fetch(id, fetching);
      if (!chunk && is_outage(chunk.error())) failed = chunk.error();
      const MutexLock lock(mutex_);
      if (is_stopped_) failed = Error{ErrorCode::cancelled, "interrupted", Retry::never, {}};
    }
  }
}

}  // namespace lagan
