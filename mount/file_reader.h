// SPDX-License-Identifier: Apache-2.0
#pragma once

// Reads one file here and there, and notices when somebody goes through it from front to back: then
// what comes next is fetched ahead, ever more of it. Any thread may call anything.

#include <memory>
#include <vector>

#include "mount/chunk_cache.h"
#include "mount/content_map.h"
#include "util/mutex.h"

namespace lagan {

// Parts of a file, one after the other, as long as somebody holds them.
struct Piece {
  ByteSpan bytes;
  std::shared_ptr<const void> keeper;
};
using Pieces = std::vector<Piece>;

class FileReader {
 public:
  FileReader(ChunkCache& chunks, std::shared_ptr<ContentMap> map)
      : chunks_(chunks), map_(std::move(map)) {}

  ContentMap& map() const { return *map_; }

  // Up to `size` bytes as they lie in memory; less only at the end of the file. An error if any
  // byte cannot be had: a short answer would be the end of the file for the kernel.
  Result<Pieces> read(std::uint64_t offset, std::uint64_t size);

 private:
  Result<Pieces> pieces(std::uint64_t offset, std::uint64_t end);
  void read_ahead(std::uint64_t offset, std::uint64_t end);

  ChunkCache& chunks_;
  const std::shared_ptr<ContentMap> map_;
  Mutex mutex_;
  std::uint64_t expected_ GUARDED_BY(mutex_) = 0;  // where a reader from front to back goes on
  std::uint64_t window_ GUARDED_BY(mutex_) = 0;    // how much is fetched ahead
  std::uint64_t fetched_ GUARDED_BY(mutex_) = 0;   // up to here
};

}  // namespace lagan
