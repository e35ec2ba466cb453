// SPDX-License-Identifier: Apache-2.0
#pragma once

// Is there room for what a restore is going to write? Counts what the target lacks: not holes, not
// further names, not what lies there already.

#include <string>

#include "repo/tree.h"
#include "src/engine/restore_filter.h"
#include "util/result.h"

namespace lagan {

// `target` is open, and `top`, or what lies in it if it is a folder, will be restored there.
// `no_space` says what is lacking. Reads the tree only if the whole of it would not fit.
Result<void> check_free_space(int target, const ChunkSource& source, const Entry& top,
                              const RestoreFilter& filter);

}  // namespace lagan
