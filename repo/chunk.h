// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a chunk is: bytes with an id that depends on what they mean.

#include <cstdint>
#include <functional>

#include "util/bytes.h"
#include "util/id.h"
#include "util/result.h"

namespace lagan {

// Part of the id's input and of the format.
enum class ChunkKind : std::uint8_t { data = 1, directory = 2, list = 3, root_record = 4 };

// Stores a chunk (unless the repository has it) and returns its id. Does not keep the span.
using ChunkSink = std::function<Result<ChunkId>(ChunkKind kind, ByteSpan plaintext)>;

// Fetches a chunk and verifies it against its id.
using ChunkSource = std::function<Result<Bytes>(const ChunkId& id, ChunkKind kind)>;

}  // namespace lagan
