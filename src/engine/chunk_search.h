// SPDX-License-Identifier: Apache-2.0
#pragma once

// Finds which files and folders of snapshots need given chunks. A folder in which nothing was found
// is remembered and passed over in the snapshots that follow. One thread.

#include <functional>
#include <string>
#include <unordered_set>
#include <vector>

#include "repo/tree.h"

namespace lagan {

// Ids written whole or by their beginnings.
class WantedChunks {
 public:
  // `invalid_argument` for what is not 1 to 64 hex digits.
  static Result<WantedChunks> parse(const std::vector<std::string>& texts);
  void add(const ChunkId& id) { whole_.insert(id); }
  bool contains(const ChunkId& id) const;

 private:
  std::unordered_set<ChunkId> whole_;
  std::vector<std::string> beginnings_;
};

struct ChunkSearchVisitor {
  // A chunk of a file (its data or its lists), or of a folder.
  struct Found {
    ChunkId id;
    ChunkKind kind = ChunkKind::data;
    const std::string& path;        // of the file or folder
    std::optional<ChunkId> folder;  // that holds the file; none for folders
  };
  std::function<Result<void>(const Found& found)> found;
  std::function<void(const std::string& path, const Error& error)> trouble;
  std::function<bool()> is_stopped = [] { return false; };
};

class ChunkSearch {
 public:
  // Borrows everything.
  ChunkSearch(const ChunkSource& source, const WantedChunks& wanted,
              const ChunkSearchVisitor& visitor)
      : source_(source), wanted_(wanted), visitor_(visitor) {}

  // Tells every place in the snapshot that names a wanted chunk, a chunk in one file once.
  Result<void> look_through(const Snapshot& snapshot);

 private:
  // All of these are true if something was found or could not be read.
  Result<bool> look_into(const ChunkId& folder, const std::string& path, std::size_t depth);
  Result<bool> look_at(std::string_view message, const ChunkId& folder, const std::string& path,
                       std::size_t depth);
  Result<bool> look_at_content(const Entry& entry, const ChunkId& folder, const std::string& path);

  const ChunkSource& source_;
  const WantedChunks& wanted_;
  const ChunkSearchVisitor& visitor_;
  std::unordered_set<ChunkId> fruitless_;
};

}  // namespace lagan
