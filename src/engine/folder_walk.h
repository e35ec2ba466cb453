// SPDX-License-Identifier: Apache-2.0
#pragma once

// Goes through a tree folder by folder, from the leaves up, where folders may nest deeper than a
// thread's stack. What a folder is to its walk is the walk's own type, with
//
//   DirectoryCursor cursor;           // over its entries
//   std::string place() const;        // for errors

#include <functional>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "repo/limits.h"
#include "src/engine/directory_cursor.h"

namespace lagan {

// `look_at(message, folder)` gets each entry, encoded, and returns the folder it is if that must be
// gone through. `leave(folder, around)` gets each folder whose last entry was looked at, and the
// one it lies in; null for the first. The first error of either, or of the tree, ends the walk.
template <typename Folder, typename LookAt, typename Leave>
Result<void> walk_folders(Folder first, const std::function<bool()>& is_stopped, LookAt look_at,
                          Leave leave) {
  std::vector<Folder> open;
  open.push_back(std::move(first));
  while (!open.empty()) {
    Folder& here = open.back();
    if (const auto message = TRY_IN(here.place(), here.cursor.entry())) {
      std::optional<Folder> below = TRY_IN(here.place(), look_at(*message, here));
      here.cursor.advance();
      if (!below) continue;
      if (is_stopped()) return fail(ErrorCode::cancelled, "interrupted");
      if (open.size() > limits::kPathDepth)
        return fail(ErrorCode::corrupt, "folders nest too deep");
      open.push_back(*std::move(below));
      continue;
    }
    Folder done = std::move(here);
    open.pop_back();
    TRY_IN(done.place(), leave(done, open.empty() ? nullptr : &open.back()));
  }
  return {};
}

}  // namespace lagan
