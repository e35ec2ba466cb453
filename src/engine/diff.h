// SPDX-License-Identifier: Apache-2.0
#pragma once

// What differs between two folders of snapshots. Goes down both trees together and never opens what
// has the same id on both sides, so the work is that of the differences. One thread.

#include <functional>
#include <string>

#include "repo/tree.h"

namespace lagan {

struct DiffOptions {
  bool metadata = false;  // also tell entries whose attributes alone differ
  std::function<bool()> is_stopped = [] { return false; };
};

// Chunks are counted that entries of one side name and no differing entry of the other side does;
// what an equal folder has as well is not looked up.
struct DiffCounts {
  std::uint64_t files = 0, dirs = 0, others = 0;
  std::uint64_t data_chunks = 0, tree_chunks = 0, bytes = 0;
};

struct DiffResult {
  std::uint64_t changed_files = 0;
  DiffCounts added, removed;
};

struct DiffVisitor {
  // `path` ends in '/' for folders. `modifier` is restic's: "+" and "-", or of "T" (another type),
  // "M" (content), "?" (content, though all attributes are the same) and "U" (attributes).
  std::function<Result<void>(const std::string& path, const std::string& modifier)> change;
  // What cannot be read is passed over: it may then show as added or removed.
  std::function<void(const std::string& path, const Error& error)> trouble;
};

Result<DiffResult> diff(const ChunkSource& source, const Subtree& before, const Subtree& after,
                        const DiffOptions& options, const DiffVisitor& visitor);

}  // namespace lagan
