// SPDX-License-Identifier: Apache-2.0
#pragma once

// How many names a file has in a snapshot. Entries tell only that they have others, so the first
// question about a snapshot walks through all of its folders; those that a snapshot before it had
// too and that hold no such file are passed over. Any thread may ask; others wait for the walk.

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "mount/lru_cache.h"
#include "mount/numbers.h"
#include "repo/tree.h"
#include "util/mutex.h"

namespace lagan {

class HardLinkCounts {
 public:
  HardLinkCounts(ChunkSource source, const Numbers& numbers)
      : source_(std::move(source)), numbers_(numbers) {}

  // Equal for the names of one file: the same group, and the same in all but the name.
  std::uint64_t file_number(Entry entry) const;

  // In the tree of that root; at least 1. Folders that are damaged count for nothing; an error if
  // the storage is away.
  Result<std::uint32_t> names_of(const ChunkId& root, std::uint64_t file_number);

 private:
  using Counts = std::unordered_map<std::uint64_t, std::uint32_t>;
  Result<std::shared_ptr<const Counts>> count(const ChunkId& root) REQUIRES(mutex_);

  const ChunkSource source_;
  const Numbers numbers_;
  Mutex mutex_;
  LruCache<ChunkId, std::shared_ptr<const Counts>> counts_ GUARDED_BY(mutex_){std::size_t{16}
                                                                              << 20};
  std::unordered_set<std::uint64_t> without_ GUARDED_BY(mutex_);  // nodes of folders, by their ids
};

}  // namespace lagan
