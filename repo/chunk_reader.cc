// SPDX-License-Identifier: Apache-2.0
#include "repo/chunk_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "repo/index_loader.h"
#include "repo/names.h"

namespace lagan {
namespace {

// An opener holds a cipher context and a decompressor: about 200 KiB.
constexpr std::size_t kIdleOpeners = 16;
// In a repository where much is missing, looking for each chunk again would take for ever.
constexpr std::size_t kVainLooks = 8;

ObjectKind pack_kind(ChunkKind kind) {
  return kind == ChunkKind::data ? ObjectKind::data_pack : ObjectKind::tree_pack;
}

}  // namespace

// The index as it was found later, and who reads by it. It prefers what lies outside `avoided`.
struct ChunkReader::Newer {
  Newer(const Repository& repository, LocalIndex found, std::unordered_set<PackId> damaged)
      : index(std::move(found)), reader(repository, index), avoided(std::move(damaged)) {}
  const LocalIndex index;
  ChunkReader reader;
  const std::unordered_set<PackId> avoided;
};

ChunkReader::ChunkReader(const Repository& repository, const LocalIndex& index,
                         std::size_t cache_bytes)
    : repository_(repository), index_(index), cache_bytes_(cache_bytes) {}

Result<Bytes> ChunkReader::load(const ChunkId& id, ChunkKind kind) {
  auto chunk = load_listed(id, kind);
  if (chunk || elsewhere_ == Elsewhere::nowhere) return chunk;
  const ErrorCode code = chunk.error().code;
  const bool is_damaged = code == ErrorCode::corrupt && elsewhere_ == Elsewhere::copied;
  if (code != ErrorCode::not_found && !is_damaged) return chunk;
  std::optional<PackId> damaged;
  if (const auto at = index_.find(id); at && code == ErrorCode::corrupt) damaged = at->pack;
  auto other = load_elsewhere(id, kind, damaged);
  return other ? *std::move(other) : std::move(chunk);
}

// Nothing: there is no other.
std::optional<Result<Bytes>> ChunkReader::load_elsewhere(const ChunkId& id, ChunkKind kind,
                                                         std::optional<PackId> damaged) {
  constexpr int kLooks = 3;  // so many copies may be damaged
  std::shared_ptr<Newer> newer;
  {
    const MutexLock lock(newer_mutex_);
    newer = newer_;
  }
  for (int look = 0;; ++look) {
    if (newer) {
      auto chunk = newer->reader.load(id, kind);
      if (chunk) return chunk;
      const ErrorCode code = chunk.error().code;
      if (code != ErrorCode::not_found && code != ErrorCode::corrupt) return chunk;
      if (const auto at = newer->index.find(id); at && code == ErrorCode::corrupt) {
        if (newer->avoided.contains(at->pack)) {  // this one or none
          const MutexLock lock(newer_mutex_);
          vain_looks_ += look > 0 ? 1 : 0;
          return std::nullopt;
        }
        damaged = at->pack;
      } else if (look > 0) {
        const MutexLock lock(newer_mutex_);
        ++vain_looks_;
        return std::nullopt;
      }
    }
    auto found = look < kLooks ? look_again(newer, damaged) : std::shared_ptr<Newer>();
    if (found && *found) {
      newer = *std::move(found);
      continue;
    }
    if (found) return std::nullopt;
    const MutexLock lock(newer_mutex_);
    ++vain_looks_;
    return fail(std::move(found).error());  // whether it is missing is not known then
  }
}

// Null: there have been enough looks.
Result<std::shared_ptr<ChunkReader::Newer>> ChunkReader::look_again(
    const std::shared_ptr<Newer>& before, const std::optional<PackId>& damaged) {
  const MutexLock lock(newer_mutex_);
  if (newer_ != before) return newer_;  // another thread was faster
  if (vain_looks_ >= kVainLooks) return nullptr;
  (before ? before->index : index_).delete_damaged();
  LocalIndex index = TRY(open_local_index(repository_));
  TRY(load_index_to_read(repository_, index));
  std::unordered_set<PackId> avoided;
  if (before) avoided = before->avoided;
  if (damaged) avoided.insert(*damaged);
  if (!avoided.empty()) {
    auto distrusted = load_distrusted(repository_);
    auto condemned = distrusted ? *std::move(distrusted) : std::unordered_set<PackId>();
    condemned.insert(avoided.begin(), avoided.end());
    index.set_condemned(std::move(condemned));
  }
  newer_ = std::make_shared<Newer>(repository_, std::move(index), std::move(avoided));
  return newer_;
}

Result<Bytes> ChunkReader::load_listed(const ChunkId& id, ChunkKind kind) {
  const auto location = index_.find(id);
  if (!location)
    return fail(ErrorCode::not_found, fmt::format("chunk {} is in no index", id.short_hex()));
  const auto block =
      TRY_IN(fmt::format("pack {}", location->pack.short_hex()), cached_block(*location));
  Bytes chunk =
      Bytes::copy_of(block->span().subspan(location->chunk_offset, location->chunk_length));
  TRY(verify_chunk(repository_.bundle().keys.id_key, id, kind, chunk));
  return chunk;
}

std::uint64_t ChunkReader::block_of(const ChunkId& id) const {
  const auto location = index_.find(id);
  return location ? std::uint64_t{location->pack_number} << 32 | location->block_number
                  : ~std::uint64_t{0};
}

// Null if it is not kept.
std::shared_ptr<const Bytes> ChunkReader::find_block(const BlockKey& key) {
  const MutexLock lock(mutex_);
  const auto it = by_key_.find(key);
  if (it == by_key_.end()) return nullptr;
  blocks_.splice(blocks_.begin(), blocks_, it->second);
  return it->second->second;
}

Result<std::shared_ptr<const Bytes>> ChunkReader::cached_block(const ChunkLocation& location) {
  const BlockKey key{location.pack_number, location.block_number};
  if (auto known = find_block(key)) return known;
  const std::size_t slot = key.pack_number * std::size_t{31} + key.block_number;
  const MutexLock opening(opening_[slot % opening_.size()]);
  if (auto known = find_block(key)) return known;  // another thread was faster
  auto block = std::make_shared<const Bytes>(TRY(read_block(location)));
  const MutexLock lock(mutex_);
  blocks_.emplace_front(key, block);
  by_key_[key] = blocks_.begin();
  cached_bytes_ += block->size();
  while (cached_bytes_ > cache_bytes_ && blocks_.size() > 1) {
    cached_bytes_ -= blocks_.back().second->size();
    by_key_.erase(blocks_.back().first);
    blocks_.pop_back();
  }
  return block;
}

Result<Bytes> ChunkReader::read_block(const ChunkLocation& location) {
  const ObjectName name = names::pack(pack_kind(location.kind), location.pack);
  const Bytes sealed =
      TRY(repository_.storage().get(name, {location.block_offset, location.stored}));
  return open_block(location, sealed);
}

Result<Bytes> ChunkReader::open_block(const ChunkLocation& location, ByteSpan sealed) {
  auto opener = TRY(take_opener(location));
  auto block = opener->open_block(location.block_number, location.nonce_tail, location.codec,
                                  location.raw, sealed);
  return_opener(location.pack_number, std::move(opener));
  if (!block)
    return fail(std::move(block).error().in(fmt::format("block {}", location.block_number)));
  if (location.chunk_offset + std::uint64_t{location.chunk_length} > block->size()) {
    return fail(ErrorCode::corrupt, "the index names a chunk beyond its block");
  }
  return block;
}

Result<std::unique_ptr<PackOpener>> ChunkReader::take_opener(const ChunkLocation& location) {
  {
    const MutexLock lock(mutex_);
    const auto it = std::ranges::find(openers_, location.pack_number,
                                      [](const auto& idle) { return idle.first; });
    if (it != openers_.end()) {
      auto opener = std::move(it->second);
      openers_.erase(it);
      return opener;
    }
  }
  const Header header = TRY(index_.pack_header(location));
  return std::make_unique<PackOpener>(TRY(PackOpener::open(repository_.sealing(), header)));
}

void ChunkReader::return_opener(std::uint32_t pack_number, std::unique_ptr<PackOpener> opener) {
  const MutexLock lock(mutex_);
  openers_.emplace_front(pack_number, std::move(opener));
  if (openers_.size() > kIdleOpeners) openers_.pop_back();
}

}  // namespace lagan
