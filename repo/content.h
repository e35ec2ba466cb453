// SPDX-License-Identifier: Apache-2.0
#pragma once

// The small messages that several larger ones contain: slices, and what lies below a directory.
// For repo's encoders and decoders only.

#include <span>

#include "repo/messages.h"
#include "repo/tree.h"
#include "repo/wire.h"

namespace lagan {

void write_slice(StringWriter& parent, std::uint32_t field, const Slice& slice);
// Refuses an empty slice, and one that no chunk can hold.
void read_slice(WireReader& in, Slice& slice);

// The bytes that the slices stand for; more than a file can have is `corrupt`.
Result<std::uint64_t> total_length(std::span<const Slice> slices);

// Leaves no trace of an empty directory.
void write_subtree(StringWriter& parent, std::uint32_t field, const Subtree& subtree);
void read_subtree(WireReader& in, Subtree& subtree);

}  // namespace lagan
