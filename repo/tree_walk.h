// SPDX-License-Identifier: Apache-2.0
#pragma once

// Every chunk that a snapshot needs, each once: nodes are read, content is only named. For check,
// rescue and collection.

#include <functional>

#include "repo/chunk.h"
#include "repo/messages.h"
#include "util/id.h"
#include "util/result.h"

namespace lagan {

// `each` is called with a chunk that is_new() has just said yes to, and the path below which it was
// first met. A node whose callback or
// loading fails is not descended into; the error goes to `trouble`, and the walk goes on if that
// returns success.
struct ChunkWalk {
  // Takes note of the chunk; false if it was met before, in this walk or another.
  std::function<bool(const ChunkId&)> is_new;
  std::function<Result<void>(const ChunkId&, ChunkKind, const std::string& path)> each;
  std::function<Result<void>(const std::string& path, Error error)> trouble;
};

Result<void> walk_chunks(const ChunkSource& source, const Snapshot& snapshot,
                         const ChunkWalk& walk);

}  // namespace lagan
