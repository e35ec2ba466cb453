// SPDX-License-Identifier: Apache-2.0
#pragma once

// The content of one file as a map: which slice is where, and where the holes are. Of a long list
// only the nodes that are asked for are read, and a few are kept. Any thread may call anything.

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "repo/tree.h"
#include "util/mutex.h"

namespace lagan {

class ContentMap {
 public:
  // Content that does not cover exactly the file's size is `corrupt`; one that could not be read
  // when it was saved is `not_found` when a slice is asked for.
  static Result<std::shared_ptr<ContentMap>> open(ChunkSource source, Entry file);

  const Entry& file() const { return file_; }
  std::uint64_t size() const { return file_.size; }

  struct Piece {
    std::uint64_t begin = 0, end = 0;  // in the file
    Slice slice;                       // a hole has no id
  };
  // The slice that byte `offset`, which is below the size, lies in. Not of inline content.
  Result<Piece> piece_at(std::uint64_t offset);

  enum class Kind { data, hole };
  // The first place from `offset` on that is of the kind, as lseek(2) has it: behind the last data
  // there is a hole at the end of the file, and no data.
  Result<std::optional<std::uint64_t>> seek(std::uint64_t offset, Kind kind);

  // Bytes that are not holes. Of a very long list not all of it is read: nothing.
  Result<std::optional<std::uint64_t>> data_bytes();

 private:
  struct Node {
    std::uint64_t begin = 0, end = 0;
    std::vector<Slice> slices;
    std::vector<std::uint64_t> ends;  // of each slice, or of each child
    std::vector<ListChild> children;
    std::uint32_t level = 0;
  };
  ContentMap(ChunkSource source, Entry file) : source_(std::move(source)), file_(std::move(file)) {}
  Result<std::shared_ptr<const Node>> leaf_at(std::uint64_t offset);
  Result<std::shared_ptr<const Node>> load(const ChunkId& id, std::uint64_t begin,
                                           std::uint64_t length,
                                           std::optional<std::uint32_t> level);
  std::shared_ptr<const Node> kept(std::uint64_t offset, std::uint32_t level);

  const ChunkSource source_;
  const Entry file_;
  Mutex mutex_;
  std::vector<std::shared_ptr<const Node>> nodes_ GUARDED_BY(mutex_);  // the oldest first
};

}  // namespace lagan
