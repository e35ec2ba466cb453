// SPDX-License-Identifier: Apache-2.0
#pragma once

// Makes the index say again what is there: packs that no segment lists are listed, by their own
// directories; packs that are gone are no longer listed; segments that cannot be read are replaced.
// Deletes nothing. A damaged segment is not given up while a pack might be known by it alone, one
// that was written so that nobody can read it is.

#include <string>
#include <vector>

#include "repo/repository.h"

namespace lagan {

struct RepairIndexPlan {
  std::vector<std::string> add;         // packs to list
  std::vector<std::string> remove;      // packs that are listed and not there
  std::vector<std::string> replace;     // segments that cannot be read
  std::vector<std::string> unreadable;  // packs that cannot be listed: they stay as they are
  bool is_empty() const { return add.empty() && remove.empty() && replace.empty(); }
};

// Looks, and with `carry_out` also does it. All members are names of objects.
Result<RepairIndexPlan> repair_index(const Repository& repository, bool carry_out);

}  // namespace lagan
