// SPDX-License-Identifier: Apache-2.0
#pragma once

// What this client keeps on its own disk between runs, below one folder (mode 0700, with a
// CACHEDIR.TAG): a folder for each repository (index runs, file states) and which repository it saw
// at which location. All of it may be deleted at any time at no cost but speed and the memory of
// what was seen.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "repo/names.h"
#include "util/clock.h"
#include "util/id.h"
#include "util/result.h"

namespace lagan {

// Content of the CACHEDIR.TAG (https://bford.info/cachedir/): tells other backup programs to leave
// the folder out.
inline constexpr std::string_view kCacheTag =
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This folder is a cache of lagan. It may be deleted at any time.\n";

class ClientMemory {
 public:
  explicit ClientMemory(std::string root) : root_(std::move(root)) {}

  // Makes the folder and its tag where they are missing.
  Result<std::string> repository_folder(const RepositoryId& id) const;
  // Keeps the folder from being pruned first.
  void mark_used(const RepositoryId& id, Nanoseconds now) const;

  struct Folder {
    RepositoryId repository;
    std::string path;
    Nanoseconds used = 0;          // last
    std::uint64_t size_bytes = 0;  // on disk
  };
  // The repositories' folders, the least recently used first. Walks all files in them.
  Result<std::vector<Folder>> folders() const;
  Result<void> remove(const Folder& folder) const;

  // Removes folders of repositories other than `in_use`, the least recently used first, until all
  // together take at most `limit_bytes`. Looks once a day only, and spares what was used within a
  // day, for another process may be at work there.
  Result<void> prune(std::uint64_t limit_bytes, const RepositoryId& in_use, Nanoseconds now) const;

  struct Seen {
    RepositoryId repository;
    std::uint64_t config_revision = 0;
    std::optional<KeySlotId> slot;  // that opened it
    friend bool operator==(const Seen&, const Seen&) = default;
  };
  std::optional<Seen> recall(std::string_view location) const;
  Result<void> remember(std::string_view location, const Seen& seen) const;
  Result<void> forget(std::string_view location) const;

 private:
  std::string location_file(std::string_view location) const;
  std::string root_;
};

}  // namespace lagan
