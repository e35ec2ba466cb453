// SPDX-License-Identifier: Apache-2.0
#pragma once

// Folders that no backup goes into: the repository itself, lagan's cache, what lagan has mounted;
// and the file systems in which the kernel shows itself, which hold no files of anybody.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "src/engine/source_entry.h"

namespace lagan {

// A folder of lagan's own.
struct OwnFolder {
  std::string path;  // as it is found from here
  std::string what;  // "the repository"
};

class UntouchablePlaces {
 public:
  explicit UntouchablePlaces(const std::vector<OwnFolder>& own);

  // What the folder is, if it is one of lagan's own, else "". A folder is known by its path or,
  // where it is mounted or linked elsewhere, by what it is.
  std::string_view own_folder(std::string_view path, const SourceStatus& status) const;

  // The same of a path and all folders above it, and of what is mounted there. The answer may lie
  // in this object, so one that is about to go is not asked.
  std::string_view own_place_of(const std::string& path) const&;
  std::string_view own_place_of(const std::string& path) const&& = delete;

  // What an open folder is in which another file system begins, if that holds nobody's files.
  static std::string_view mounted(int folder, const SourceStatus& status);

  // Is this path where lagan has mounted something? Other users, root among them, may not look at
  // such a folder at all.
  static bool is_own_mount_point(std::string_view path);

 private:
  struct Known {
    std::string path, what;
    std::uint64_t device = 0, inode = 0;
  };
  std::vector<Known> own_;
};

}  // namespace lagan
