// SPDX-License-Identifier: Apache-2.0
#pragma once

// Folders of snapshots, one leaf at a time. A folder of a million entries is some thousand leaves,
// of which only those that are looked at are in memory. A leaf has a number, so that an entry can
// be remembered in a few bytes: leaf and place. Any thread may call anything.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "mount/lru_cache.h"
#include "repo/tree.h"
#include "util/mutex.h"

namespace lagan {

using LeafNumber = std::uint32_t;

// Where an entry is.
struct EntryPlace {
  LeafNumber leaf = 0;
  std::uint32_t ordinal = 0;
};

struct Leaf {
  LeafNumber number = 0;
  Bytes bytes;
  std::vector<std::string_view> entries;  // encoded, borrowed from `bytes`
  bool has_acls = false;                  // perhaps one of them has an access control list
};

// The leaves of one folder, in the order of names.
struct FolderLeaves {
  struct One {
    LeafNumber number = 0;
    std::string last_name;  // empty in a folder of one leaf
  };
  std::vector<One> leaves;
  // Index nodes that are missing or damaged: what lies below them does not show.
  std::vector<Error> trouble;
};

struct FoundEntry {
  EntryPlace place;
  Entry entry;
};

class TreeReader {
 public:
  TreeReader(ChunkSource source, std::size_t cache_bytes);

  Result<std::shared_ptr<const FolderLeaves>> leaves(const ChunkId& folder);
  // A leaf of a folder, which must end as the folder says.
  Result<std::shared_ptr<const Leaf>> leaf(const FolderLeaves::One& one);
  // Reads the leaf again if it must.
  Result<std::shared_ptr<const Leaf>> leaf(LeafNumber number);
  Result<Entry> entry_at(const EntryPlace& place);
  // Nothing if there is none. Entries that no reader takes are none.
  Result<std::optional<FoundEntry>> find(const ChunkId& folder, std::string_view name);

  std::size_t cached_bytes() const;

  // For lists and attributes that are chunks.
  const ChunkSource& source() const { return source_; }

 private:
  LeafNumber number_of(const ChunkId& id);
  Result<std::shared_ptr<const Leaf>> load_leaf(LeafNumber number);
  std::shared_ptr<const Leaf> keep(Leaf leaf);
  Result<void> collect(const ChunkId& id, const DirectoryNode& node, FolderLeaves& into,
                       std::string& reached);

  const ChunkSource source_;
  mutable Mutex mutex_;
  LruCache<LeafNumber, std::shared_ptr<const Leaf>> leaves_ GUARDED_BY(mutex_);
  LruCache<ChunkId, std::shared_ptr<const FolderLeaves>> folders_ GUARDED_BY(mutex_);
  std::vector<ChunkId> ids_ GUARDED_BY(mutex_);  // by number
  std::unordered_map<ChunkId, LeafNumber> numbers_ GUARDED_BY(mutex_);
};

}  // namespace lagan
