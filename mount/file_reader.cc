// SPDX-License-Identifier: Apache-2.0
#include "mount/file_reader.h"

#include <algorithm>
#include <cstring>

namespace lagan {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::uint64_t kFirstWindow = 4 * kMiB;
constexpr std::uint64_t kLastWindow = 64 * kMiB;
// The kernel's own reading ahead comes on several threads and not quite in order.
constexpr std::uint64_t kDisorder = 2 * kMiB;

}  // namespace

Result<std::size_t> FileReader::read(std::uint64_t offset, MutableByteSpan into) {
  const std::uint64_t size = map_->size();
  if (offset >= size) return 0;
  into = into.first(std::min<std::uint64_t>(into.size(), size - offset));
  read_ahead(offset, offset + into.size());
  TRY(fill(offset, into));
  return into.size();
}

Result<void> FileReader::fill(std::uint64_t offset, MutableByteSpan into) {
  const Entry& file = map_->file();
  if (!file.inline_content.empty()) {
    std::memcpy(into.data(), file.inline_content.data() + offset, into.size());
    return {};
  }
  while (!into.empty()) {
    const ContentMap::Piece piece = TRY(map_->piece_at(offset));
    const MutableByteSpan part =
        into.first(std::min<std::uint64_t>(into.size(), piece.end - offset));
    if (!piece.slice.id) {
      std::memset(part.data(), 0, part.size());
    } else {
      const ChunkCache::Chunk chunk = TRY(chunks_.load(*piece.slice.id));
      if (piece.slice.offset > chunk->size() ||
          piece.slice.length > chunk->size() - piece.slice.offset)
        return fail(ErrorCode::corrupt, "a slice lies beyond its chunk");
      std::memcpy(part.data(), chunk->data() + piece.slice.offset + (offset - piece.begin),
                  part.size());
    }
    offset += part.size();
    into = into.subspan(part.size());
  }
  return {};
}

void FileReader::read_ahead(std::uint64_t offset, std::uint64_t end) {
  if (!chunks_.can_prefetch() || !map_->file().inline_content.empty()) return;
  const std::uint64_t size = map_->size();
  std::uint64_t from = 0, to = 0;
  {
    const MutexLock lock(mutex_);
    const bool goes_on =
        offset > 0 && offset + kDisorder >= expected_ && offset <= expected_ + kDisorder;
    expected_ = goes_on ? std::max(expected_, end) : end;
    if (!goes_on) {
      window_ = fetched_ = 0;
      return;
    }
    // Half a window ahead is enough not to look at each request again.
    if (window_ > 0 && fetched_ >= std::min(size, end + window_ / 2)) return;
    const std::uint64_t largest =
        std::min<std::uint64_t>(kLastWindow, std::max(chunks_.max_bytes() / 3, kMiB));
    window_ = std::min(largest, window_ == 0 ? kFirstWindow : window_ * 2);
    from = std::max(fetched_, end);
    to = std::min(size, end + window_);
    fetched_ = std::max(fetched_, to);
  }
  while (from < to) {
    const auto piece = map_->piece_at(from);
    if (!piece) return;
    if (piece->slice.id) chunks_.prefetch(*piece->slice.id);
    from = piece->end;
  }
}

}  // namespace lagan
