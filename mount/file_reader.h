// SPDX-License-Identifier: Apache-2.0
#pragma once

// Reads one file here and there, and notices when somebody goes through it from front to back: then
// what comes next is fetched ahead, ever more of it. Any thread may call anything.

#include <memory>

#include "mount/chunk_cache.h"
#include "mount/content_map.h"
#include "util/mutex.h"

namespace lagan {

class FileReader {
 public:
  FileReader(ChunkCache& chunks, std::shared_ptr<ContentMap> map)
      : chunks_(chunks), map_(std::move(map)) {}

  ContentMap& map() const { return *map_; }

  // Less than asked for only at the end of the file. An error if any byte cannot be had: a short
  // answer would be the end of the file for the kernel.
  Result<std::size_t> read(std::uint64_t offset, MutableByteSpan into);

 private:
  Result<void> fill(std::uint64_t offset, MutableByteSpan into);
  void read_ahead(std::uint64_t offset, std::uint64_t end);

  ChunkCache& chunks_;
  const std::shared_ptr<ContentMap> map_;
  Mutex mutex_;
  std::uint64_t expected_ GUARDED_BY(mutex_) = 0;  // where a reader from front to back goes on
  std::uint64_t window_ GUARDED_BY(mutex_) = 0;    // how much is fetched ahead
  std::uint64_t fetched_ GUARDED_BY(mutex_) = 0;   // up to here
};

}  // namespace lagan
