// SPDX-License-Identifier: Apache-2.0
#pragma once

// The content of a file of a snapshot as a stream, from its first byte to its last.

#include <functional>

#include "repo/tree.h"
#include "util/bytes.h"
#include "util/result.h"

namespace lagan {

// Hands the content to `sink` in pieces, holes as zeros, until that returns an error. A file that
// could not be read when it was saved has no content to hand out: `not_found`.
Result<void> read_content(const ChunkSource& source, const Entry& file,
                          const std::function<Result<void>(ByteSpan)>& sink);

// The value of an extended attribute, wherever it is kept.
Result<std::string> xattr_value(const ChunkSource& source, const Xattr& attribute);

}  // namespace lagan
