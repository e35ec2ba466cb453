// SPDX-License-Identifier: Apache-2.0
#pragma once

// How long snapshots may become, for those who make them.

#include "repo/messages.h"
#include "util/result.h"

namespace lagan {

// Refuses a snapshot that no reader would accept, and says what to do. WriterSession::commit()
// asks; who knows before a run what it will be of asks with `is_early`, before anything is stored.
Result<void> check_length(const Snapshot& snapshot, bool is_early = false);

}  // namespace lagan
