// SPDX-License-Identifier: Apache-2.0
#pragma once

// The files of a mount that are being read, and what is fetched ahead because of them: whoever
// reads one small file will most likely read those behind it. Any thread may call anything.

#include <memory>

#include "mount/file_reader.h"
#include "mount/lru_cache.h"
#include "mount/numbers.h"
#include "mount/tree_reader.h"
#include "util/mutex.h"

namespace lagan {

class FileReaders {
 public:
  // Borrows both.
  FileReaders(TreeReader& trees, ChunkCache& chunks);

  // Null if it was not opened, or has not been read for long.
  std::shared_ptr<FileReader> find(NodeId id);
  // Of a file, whose entry lies there.
  Result<std::shared_ptr<FileReader>> open(NodeId id, const EntryPlace& place, Entry entry);
  void forget(NodeId id);

 private:
  void fetch_neighbours(const EntryPlace& place);

  TreeReader& trees_;
  ChunkCache& chunks_;
  Mutex mutex_;
  LruCache<NodeId, std::shared_ptr<FileReader>> readers_ GUARDED_BY(mutex_);
  LruCache<LeafNumber, std::uint32_t> neighbours_ GUARDED_BY(mutex_);  // fetched up to here
};

}  // namespace lagan
