// SPDX-License-Identifier: Apache-2.0
#pragma once

// The history of one path over snapshots. Folders that several snapshots share are opened once, so
// the work is that of the changes above the path. One thread.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "repo/snapshots.h"
#include "repo/tree.h"

namespace lagan {

// Snapshots in a row that have the same at the path.
struct VersionSpan {
  std::optional<Entry> entry;  // as the first of them has it; nothing: it was deleted
  std::size_t number = 0;  // equal for equal versions, from 1 in order of appearance; 0: deleted
  ChunkId content_id;      // keyed hash of what is there, not of its attributes
  StoredSnapshot first, last;
  std::size_t snapshots = 0;
};

struct VersionOptions {
  bool metadata = false;  // other attributes make another version, too
  std::function<bool()> is_stopped = [] { return false; };
  std::function<void(const std::string& where, const Error& error)> trouble;
};

// Of `snapshots`, oldest first. `path` is absolute, without "." and "..". Snapshots that cannot be
// read, or neither have the path nor were asked to save it, say nothing; nor does what was before
// the first version.
Result<std::vector<VersionSpan>> versions_of(const ChunkSource& source, const SecretKey& id_key,
                                             const std::vector<StoredSnapshot>& snapshots,
                                             const std::string& path,
                                             const VersionOptions& options);

}  // namespace lagan
