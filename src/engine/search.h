// SPDX-License-Identifier: Apache-2.0
#pragma once

// Finds entries of snapshots by their path and age. A folder in which nothing was found is
// remembered and passed over in the snapshots that follow, so that looking through many alike costs
// little more than through one. One thread.

#include <functional>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "repo/tree.h"
#include "src/engine/filter.h"
#include "util/clock.h"

namespace lagan {

struct SearchOptions {
  std::vector<PathPattern> patterns;          // one must match the path or a folder above it
  std::optional<Nanoseconds> oldest, newest;  // of the last change of the content, both included
  // Of a file, both excluded; nothing else has a size.
  std::optional<std::uint64_t> larger_than, smaller_than;
  std::function<bool()> is_stopped = [] { return false; };
};

struct SearchVisitor {
  std::function<Result<void>(const std::string& path, const Entry& entry)> found;
  std::function<void(const std::string& path, const Error& error)> trouble;
};

class Search {
 public:
  // Borrows everything.
  Search(const ChunkSource& source, const SearchOptions& options, const SearchVisitor& visitor)
      : source_(source), options_(options), visitor_(visitor) {}

  Result<void> look_through(const Snapshot& snapshot);

 private:
  // True if something was found or could not be read.
  Result<bool> look_into(const Subtree& folder, const std::string& path, std::size_t depth);
  Result<bool> look_at(std::string_view message, const std::string& folder, std::size_t depth);
  bool matches(const std::string& path, const Entry& entry) const;

  const ChunkSource& source_;
  const SearchOptions& options_;
  const SearchVisitor& visitor_;
  std::unordered_set<std::uint64_t> fruitless_;  // folders and where they lay, mixed
};

}  // namespace lagan
