// SPDX-License-Identifier: Apache-2.0
#include "src/cli/file_stream.h"

#include <algorithm>

#include "mount/file_reader.h"

namespace lagan::cli {

Result<void> stream_file(Context& context, const SnapshotBrowser& browser, const Entry& file,
                         const std::function<Result<void>(ByteSpan, std::uint64_t offset)>& each) {
  constexpr std::size_t kCacheBytes = std::size_t{96} << 20;
  constexpr std::uint64_t kPieceBytes = std::uint64_t{1} << 20;
  const std::size_t gets = browser.repository().storage().capabilities().parallel_gets;
  ChunkCache chunks(browser.source(), kCacheBytes, std::clamp<std::size_t>(gets, 2, 16),
                    browser.block_of());
  FileReader reader(chunks, TRY(ContentMap::open(browser.source(), file)));
  for (std::uint64_t offset = 0; offset < file.size;) {
    if (context.is_stopped()) return fail(ErrorCode::cancelled, "interrupted");
    const std::uint64_t before = offset;
    for (const Piece& piece : TRY(reader.read(offset, kPieceBytes))) {
      TRY(each(piece.bytes, offset));
      offset += piece.bytes.size();
    }
    if (offset == before) return fail(ErrorCode::corrupt, "its content is shorter than its size");
  }
  return {};
}

}  // namespace lagan::cli
