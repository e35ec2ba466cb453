// SPDX-License-Identifier: Apache-2.0
#include "src/serve/file_body.h"

#include <algorithm>

namespace lagan {

Result<std::size_t> FileBody::read(MutableByteSpan into) {
  into = into.first(static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), end_ - at_)));
  if (into.empty()) return 0;
  std::size_t size = 0;
  for (const Piece& piece : TRY(file_->tree().read(file_->node().id, at_, into.size()))) {
    std::ranges::copy(piece.bytes, into.subspan(size).begin());
    size += piece.bytes.size();
  }
  if (size == 0) return fail(ErrorCode::io, "the file is shorter than it was");
  at_ += size;
  return size;
}

}  // namespace lagan
