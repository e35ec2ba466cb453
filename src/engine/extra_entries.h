// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a folder of the target holds and the snapshot does not, and its removal. Stays beneath the
// folder, on its file system, and follows no symlink.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "src/engine/restore_filter.h"
#include "src/engine/untouchable_places.h"
#include "util/result.h"

namespace lagan {

class ExtraEntries {
 public:
  // Lists the folder, before anything is restored to it.
  static Result<ExtraEntries> list(int folder);

  // The snapshot has this name. False: the folder does not, in these letters.
  bool expect(std::string_view name);
  // The file system takes this inode's name for another one that the snapshot has.
  void spare(std::uint64_t inode) { spared_.push_back(inode); }
  // In the order of their bytes.
  std::vector<std::string> unexpected(int folder) const;

 private:
  std::vector<std::string> names_;
  std::vector<bool> expected_;
  std::vector<std::uint64_t> spared_;
};

struct Removal {
  const RestoreFilter& filter;      // what it does not choose stays, and the folders above it
  const UntouchablePlaces& places;  // nothing is removed there
  bool dry_run = false;
  std::function<void(const std::string& path)> removed;
  std::function<void(const std::string& path, const Error& error)> trouble;
};

// Removes `name` in `folder` and all below it. `path` is where it would lie in the snapshot.
// Returns whether all of it is gone.
bool remove_extra(int folder, const std::string& name, const std::string& path,
                  const Removal& removal);

}  // namespace lagan
