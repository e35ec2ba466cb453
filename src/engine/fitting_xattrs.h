// SPDX-License-Identifier: Apache-2.0
#pragma once

// File systems take any number of extended attributes, entries do not (repo/limits.h).

#include <optional>
#include <vector>

#include "repo/tree.h"

namespace lagan {

// Gives `entry`, which has no content yet, as many of `found` as leave it readable. If that is not
// all, marks it and tells what is missing. First go those of the user (user.*), the largest first:
// so few are lost, and access control lists and capabilities stay.
std::optional<Error> set_xattrs(Entry& entry, std::vector<Xattr> found);

}  // namespace lagan
