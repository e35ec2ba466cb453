// SPDX-License-Identifier: Apache-2.0
#pragma once

// A snapshot as restic's JSON shows one.

#include "src/cli/context.h"

namespace lagan::cli {

Json to_json(const StoredSnapshot& stored);
// That one snapshot took the place of another.
Json changed_json(const SnapshotId& before, const SnapshotId& after);

}  // namespace lagan::cli
