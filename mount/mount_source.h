// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a mount reads from: a repository whose snapshots come and go while it is open. Chunks are
// read by the newest index that was loaded. Any thread may call anything; look() is for one at a
// time.

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "repo/chunk.h"
#include "repo/repository.h"
#include "repo/snapshots.h"
#include "util/mutex.h"

namespace lagan {

struct MountSourceOptions {
  SnapshotFilter filter;
  std::optional<Nanoseconds> oldest, newest;  // only snapshots of these times
  std::string snapshot;                       // only this one, as find_snapshot() has it
  // For blocks, of which chunks are parts; whole chunks are kept by who asks for them.
  std::size_t block_cache_bytes = std::size_t{32} << 20;
};

class MountSource {
 public:
  // Borrows the repository.
  MountSource(const Repository& repository, MountSourceOptions options);
  ~MountSource();

  // The snapshots that the options let through, oldest first, and from then on an index that knows
  // all of them. Nothing if they are the same as the last time.
  struct Look {
    std::vector<StoredSnapshot> snapshots;
    std::vector<std::string> damaged;  // what could not be read
  };
  Result<std::optional<Look>> look();

  // Of tree nodes, and of content, which must not push each other out of the cache. Usable once
  // look() has succeeded.
  ChunkSource trees();
  ChunkSource content();
  // For ChunkCache.
  std::function<std::uint64_t(const ChunkId&)> block_of();
  // Of both.
  ChunkSource chunks();

 private:
  struct Opened;
  std::shared_ptr<Opened> opened() const;
  Result<std::set<std::string>> object_names() const;
  bool is_wanted(const StoredSnapshot& stored) const;

  const Repository& repository_;
  const MountSourceOptions options_;
  std::optional<std::set<std::string>> seen_;  // objects at the last look
  mutable Mutex mutex_;
  std::shared_ptr<Opened> opened_ GUARDED_BY(mutex_);
};

}  // namespace lagan
