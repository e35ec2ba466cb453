// SPDX-License-Identifier: Apache-2.0
#pragma once

// Reads a restored file from its file system and compares it with what the snapshot says. Any
// thread.

#include <functional>

#include "repo/repository.h"
#include "repo/tree.h"
#include "util/result.h"

namespace lagan {

// What is in memory is written out and dropped before, as far as the system does so, so that the
// disk is asked. Calls `differs` for each slice that is not as it should be.
Result<void> read_back(
    const ChunkSource& source, const SecretKey& id_key, int descriptor, const Entry& entry,
    const std::function<void(std::uint64_t offset, std::uint64_t length)>& differs);

}  // namespace lagan
