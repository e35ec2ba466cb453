// SPDX-License-Identifier: Apache-2.0
#pragma once

// Keeps a snapshot whole whose chunks lie in condemned packs, which will go: for writers that use
// chunks they have not stored themselves, and for those that find their session fenced.

#include "repo/chunk_writer.h"
#include "repo/local_index.h"
#include "repo/messages.h"
#include "repo/repository.h"

namespace lagan {

// Loads `index` anew, then learns the condemned packs, and stores again every chunk of `snapshot`
// that lies in no other pack. Returns how many those were. A chunk that is nowhere, or an index
// that cannot be read whole, is an error.
Result<std::size_t> store_endangered(const Repository& repository, LocalIndex& index,
                                     const SessionId& session, const Snapshot& snapshot,
                                     const ChunkWriterOptions& options = {});

}  // namespace lagan
