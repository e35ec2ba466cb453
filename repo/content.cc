// SPDX-License-Identifier: Apache-2.0
#include "repo/content.h"

#include "repo/limits.h"

namespace lagan {

void write_slice(StringWriter& parent, std::uint32_t field, const Slice& slice) {
  StringWriter out(parent, field);
  if (slice.id) out.bytes(1, slice.id->span());
  out.u64(2, slice.offset);
  out.u64(3, slice.length);
}

void read_slice(WireReader& in, Slice& slice) {
  while (in.next()) {
    switch (in.field()) {
      case 1:
        slice.id = in.id<ChunkId>();
        break;
      case 2:
        slice.offset = in.u64();
        break;
      case 3:
        slice.length = in.u64();
        break;
      default:
        in.unknown();
    }
  }
  if (slice.length == 0) in.refuse("a slice is empty");
  const std::uint64_t longest = slice.id ? limits::kChunkBytes : limits::kFileBytes;
  if (slice.length > longest || slice.offset > longest - slice.length)
    in.refuse("a slice is longer than a chunk or file can be");
}

Result<std::uint64_t> total_length(std::span<const Slice> slices) {
  std::uint64_t total = 0;
  for (const Slice& slice : slices) {
    if (slice.length > limits::kFileBytes - total)
      return fail(ErrorCode::corrupt, "slices are longer than a file can be");
    total += slice.length;
  }
  return total;
}

void write_subtree(StringWriter& parent, std::uint32_t field, const Subtree& subtree) {
  StringWriter out(parent, field);
  if (subtree.id) out.bytes(1, subtree.id->span());
  out.u64(2, subtree.files);
  out.u64(3, subtree.dirs);
  out.u64(4, subtree.content_bytes);
}

void read_subtree(WireReader& in, Subtree& subtree) {
  while (in.next()) {
    switch (in.field()) {
      case 1:
        subtree.id = in.id<ChunkId>();
        break;
      case 2:
        subtree.files = in.u64();
        break;
      case 3:
        subtree.dirs = in.u64();
        break;
      case 4:
        subtree.content_bytes = in.u64();
        break;
      default:
        in.unknown();
    }
  }
}

}  // namespace lagan
