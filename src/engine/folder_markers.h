// SPDX-License-Identifier: Apache-2.0
#pragma once

// Files whose presence says that a folder's content is not worth a backup: CACHEDIR.TAG, or a mark
// of the user's own.

#include <string>
#include <vector>

#include "util/result.h"

namespace lagan {

struct FolderMarker {
  std::string name;
  std::string header;  // the file begins so; empty: whatever it holds
  std::string origin;  // the flag that asked for it

  // NAME or NAME:HEADER, as --exclude-if-present has it.
  static Result<FolderMarker> parse(const std::string& text);
  static FolderMarker cache_tag();
  // What every cache of lagan has in it.
  static FolderMarker own_cache_tag();

  // Does the open `folder`, in which these sorted `names` are, have this mark?
  bool marks(int folder, const std::vector<std::string>& names) const;
};

}  // namespace lagan
