// SPDX-License-Identifier: Apache-2.0
#include "mount/file_readers.h"

#include <algorithm>

#include "mount/content_map.h"

namespace lagan {
namespace {

constexpr std::size_t kReadersKept = 1024;
// What is fetched ahead when the first of several small files is read.
constexpr std::uint64_t kNeighbourBytes = std::uint64_t{8} << 20;
constexpr std::uint64_t kSmallFileBytes = std::uint64_t{1} << 20;
constexpr std::uint32_t kNeighbours = 128;

}  // namespace

FileReaders::FileReaders(TreeReader& trees, ChunkCache& chunks)
    : trees_(trees), chunks_(chunks), readers_(kReadersKept), neighbours_(kReadersKept) {}

std::shared_ptr<FileReader> FileReaders::find(NodeId id) {
  const MutexLock lock(mutex_);
  const auto* known = readers_.find(id);
  return known != nullptr ? *known : nullptr;
}

Result<std::shared_ptr<FileReader>> FileReaders::open(NodeId id, const EntryPlace& place,
                                                      Entry entry) {
  const bool is_small = entry.size <= kSmallFileBytes && !entry.slices.empty();
  auto map = TRY(ContentMap::open(trees_.source(), std::move(entry)));
  if (is_small) fetch_neighbours(place);
  auto reader = std::make_shared<FileReader>(chunks_, std::move(map));
  const MutexLock lock(mutex_);
  return readers_.put(id, std::move(reader), 1);
}

void FileReaders::forget(NodeId id) {
  const MutexLock lock(mutex_);
  readers_.erase(id);
}

void FileReaders::fetch_neighbours(const EntryPlace& place) {
  if (!chunks_.can_prefetch()) return;
  {
    const MutexLock lock(mutex_);
    const std::uint32_t* fetched = neighbours_.find(place.leaf);
    // When half of them are used, the next ones come.
    if (fetched != nullptr && place.ordinal + kNeighbours / 2 < *fetched) return;
  }
  const auto leaf = trees_.leaf(place.leaf);
  if (!leaf) return;
  const auto end = static_cast<std::uint32_t>(
      std::min<std::size_t>((*leaf)->entries.size(), std::size_t{place.ordinal} + kNeighbours));
  std::uint64_t bytes = 0;
  std::uint32_t at = place.ordinal + 1;
  for (; at < end && bytes < kNeighbourBytes; ++at) {
    (void)for_each_reference(as_bytes((*leaf)->entries[at]),
                             [&](const ChunkId& chunk, ChunkKind kind) -> Result<void> {
                               if (kind == ChunkKind::data) chunks_.prefetch(chunk);
                               return {};
                             });
    const auto entry = decode_entry(as_bytes((*leaf)->entries[at]));
    if (entry && entry->kind == EntryKind::file) bytes += entry->size;
  }
  const MutexLock lock(mutex_);
  neighbours_.put(place.leaf, at, 1);
}

}  // namespace lagan
