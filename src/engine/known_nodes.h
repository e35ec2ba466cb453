// SPDX-License-Identifier: Apache-2.0
#pragma once

// Tree nodes for those who write directories and lists anew: a node with fields of a later version
// would lose them, so it is refused. (Fields of a later version in entries are no trouble: entries
// are carried over byte for byte.)

#include "repo/chunk.h"

namespace lagan {

// `source`, but such a node is `unsupported`. Costs a second decoding of each node.
ChunkSource known_nodes(ChunkSource source);

}  // namespace lagan
