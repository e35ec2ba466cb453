// SPDX-License-Identifier: Apache-2.0
#pragma once

// Paths inside snapshots.

#include <functional>
#include <string>
#include <string_view>

#include "repo/tree.h"

namespace lagan {

// The entry at `path`, reading one node per level of folder. The empty path and "/" are the root,
// as a folder without attributes. `not_found` names the path.
Result<Entry> entry_at(const ChunkSource& source, const Snapshot& snapshot, std::string_view path);

// Calls `each` for everything below a folder, in path order, with the full path. `each` says
// whether to go into a folder. What cannot be read goes to `trouble`, and the walk goes on.
struct TreeVisitor {
  std::function<Result<bool>(const std::string& path, const Entry& entry)> each;
  std::function<void(const std::string& path, const Error& error)> trouble;
};
Result<void> visit_tree(const ChunkSource& source, const Subtree& subtree, const std::string& path,
                        const TreeVisitor& visitor, std::size_t depth = 0);

}  // namespace lagan
