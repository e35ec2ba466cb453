// SPDX-License-Identifier: Apache-2.0
#pragma once

// Paths over all snapshots: which different folders and files were there. What several snapshots
// have alike is looked at once. Any thread may call anything.

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "mount/lru_cache.h"
#include "mount/snapshot_folder.h"
#include "mount/tree_reader.h"
#include "util/mutex.h"

namespace lagan {

struct History {
  struct Version {
    std::string name;  // when it was changed, what it holds, and how its name ends
    FoundEntry found;
    SnapshotFolder folder;  // of the first snapshot that has it
  };
  std::vector<SnapshotFolder> folders;  // the path as a folder
  std::vector<Version> versions;        // the path as anything else, by content
  // What the first snapshot said in which the path, or a folder above it, cannot be read: there may
  // be more.
  std::optional<Error> missed;
  bool is_empty() const { return folders.empty() && versions.empty(); }
};

struct HistoryNames {
  std::vector<std::string> names;  // sorted
  std::optional<Error> missed;     // as above
};

class Histories {
 public:
  // Of snapshots with these roots, oldest first.
  Histories(TreeReader& reader, const Numbers& numbers, std::vector<SnapshotFolder> roots);

  // Of a path without a first slash; the empty one is the root. Snapshots in which it cannot be
  // read count for nothing, unless it is so in all of them.
  Result<std::shared_ptr<const History>> at(const std::string& path);

  // All names that were ever in those folders, sorted.
  Result<std::shared_ptr<const HistoryNames>> names_in(const std::string& path);

 private:
  Result<std::shared_ptr<const History>> below(const History& above, std::string_view name);

  TreeReader& reader_;
  const Numbers numbers_;
  std::shared_ptr<const History> root_;
  Mutex mutex_;
  // What is missed is looked for again the next time.
  LruCache<std::string, std::shared_ptr<const History>> histories_ GUARDED_BY(mutex_);
  LruCache<std::string, std::shared_ptr<const HistoryNames>> names_ GUARDED_BY(mutex_);
};

}  // namespace lagan
