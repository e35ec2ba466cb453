// SPDX-License-Identifier: Apache-2.0
#pragma once

// Does a file hold what it should? Chunk ids prove it, so nothing need be fetched to know. Any
// thread.

#include "repo/local_index.h"
#include "repo/repository.h"
#include "repo/tree.h"

namespace lagan {

// Is this whole chunk what lies at `offset`? A part of a chunk cannot be proven and never is.
bool holds_chunk(int descriptor, std::uint64_t offset, const ChunkId& id, std::uint64_t length,
                 const SecretKey& id_key);

// Is every byte of this range stored, rather than left out as a hole?
bool has_no_hole(int descriptor, std::uint64_t offset, std::uint64_t length);
// Is all of this range a hole?
bool is_hole(int descriptor, std::uint64_t offset, std::uint64_t length);

bool holds_bytes(int descriptor, std::uint64_t offset, ByteSpan bytes);
bool holds_zeros(int descriptor, std::uint64_t offset, std::uint64_t length);

}  // namespace lagan
