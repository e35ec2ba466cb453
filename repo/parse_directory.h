// SPDX-License-Identifier: Apache-2.0
#pragma once

// Directory nodes for readers who take one after the other and go on.

#include "repo/tree.h"

namespace lagan {

// decode_directory() without the question whether the node is canonical, which costs more than all
// else and which only `check` asks.
Result<DirectoryNode> parse_directory(ByteSpan node);

}  // namespace lagan
