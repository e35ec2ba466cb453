// SPDX-License-Identifier: Apache-2.0
#pragma once

// How much snapshots hold, counted in one of restic's ways. What several snapshots share is read
// once. Things are told apart by 64 bits of their ids: these are figures, nothing is decided by
// them. One thread.

#include <functional>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "repo/local_index.h"
#include "repo/tree.h"

namespace lagan {

enum class UsageMode {
  restore_size,       // what restoring all snapshots would write, a hard link once a snapshot
  files_by_contents,  // each different content once
  blobs_per_file,     // each chunk once for each path it is at
  raw_data,           // each chunk once, as it is stored
};

struct Usage {
  std::uint64_t bytes = 0;
  std::uint64_t files = 0;  // in restore_size folders and all others too
  std::uint64_t chunks = 0;
  std::uint64_t uncompressed_bytes = 0;  // raw_data only
};

struct UsageOptions {
  UsageMode mode = UsageMode::restore_size;
  std::function<bool()> is_stopped = [] { return false; };
  std::function<void(const std::string& path, const Error& error)> trouble;
};

class UsageCounter {
 public:
  // Borrows everything.
  UsageCounter(const ChunkSource& source, const LocalIndex& index, const UsageOptions& options)
      : source_(source), index_(index), options_(options) {}

  Result<void> add(const Snapshot& snapshot);
  Usage total() const;

 private:
  // What a folder adds; without hard links in it, whenever it is met.
  struct Restored {
    std::uint64_t entries = 0, bytes = 0;
    bool has_links = false;
  };
  Result<Restored> count_restored(const Subtree& folder, const std::string& path,
                                  std::size_t depth);
  Result<void> count_folder(const Subtree& folder, const std::string& path, std::size_t depth);
  void count_file(const std::string& path, const Entry& entry);
  void count_chunk(const ChunkId& id, std::uint64_t length, const std::string& path);
  void count_stored(const ChunkId& id, const std::string& path);
  // Calls `each` with the entries of a folder, tells trouble, and returns only what stops it all.
  Result<void> for_each_in(const Subtree& folder, const std::string& path, std::size_t depth,
                           const std::function<Result<void>(const Entry&)>& each);

  const ChunkSource& source_;
  const LocalIndex& index_;
  const UsageOptions& options_;
  Usage sum_;
  double stored_bytes_ = 0;
  std::unordered_map<ChunkId, Restored> without_links_;
  std::unordered_set<std::uint64_t> links_;  // of the snapshot that is being counted
  std::unordered_set<std::uint64_t> folders_, contents_, chunks_;
};

}  // namespace lagan
