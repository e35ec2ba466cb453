// SPDX-License-Identifier: Apache-2.0
#include "repo/file_content.h"

#include <algorithm>
#include <array>

#include "repo/limits.h"

namespace lagan {
namespace {

using Sink = std::function<Result<void>(ByteSpan)>;

Result<void> hand_out_zeros(std::uint64_t length, const Sink& sink) {
  static constexpr std::array<std::byte, 65'536> kZeros{};
  while (length > 0) {
    const std::uint64_t piece = std::min<std::uint64_t>(length, kZeros.size());
    TRY(sink(ByteSpan(kZeros).first(piece)));
    length -= piece;
  }
  return {};
}

Result<void> hand_out_slice(const ChunkSource& source, const Slice& slice, const Sink& sink) {
  if (!slice.id) return hand_out_zeros(slice.length, sink);
  const Bytes chunk = TRY(source(*slice.id, ChunkKind::data));
  if (slice.offset > chunk.size() || slice.length > chunk.size() - slice.offset)
    return fail(ErrorCode::corrupt, "a slice lies beyond its chunk");
  return sink(chunk.span().subspan(slice.offset, slice.length));
}

}  // namespace

Result<void> read_content(const ChunkSource& source, const Entry& file, const Sink& sink) {
  if (file.state == EntryState::unreadable)
    return fail(ErrorCode::not_found, "could not be read when it was saved");
  if (!file.inline_content.empty()) TRY(sink(as_bytes(file.inline_content)));
  return for_each_slice(source, file,
                        [&](const Slice& slice) { return hand_out_slice(source, slice, sink); });
}

Result<std::string> xattr_value(const ChunkSource& source, const Xattr& attribute) {
  if (attribute.slices.empty()) return attribute.value;
  std::string value;
  for (const Slice& slice : attribute.slices) {
    TRY(hand_out_slice(source, slice, [&](ByteSpan piece) -> Result<void> {
      if (piece.size() > limits::kXattrValueBytes - value.size())
        return fail(ErrorCode::corrupt, "attribute is too large");
      value += as_text(piece);
      return {};
    }));
  }
  return value;
}

}  // namespace lagan
