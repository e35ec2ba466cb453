// SPDX-License-Identifier: Apache-2.0
#include "mount/file_reader.h"

#include <algorithm>
#include <array>

namespace lagan {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::uint64_t kFirstWindow = 4 * kMiB;
constexpr std::uint64_t kLastWindow = 64 * kMiB;
// The kernel's own reading ahead comes on several threads and not quite in order.
constexpr std::uint64_t kDisorder = 2 * kMiB;

// Holes.
constexpr std::array<std::byte, 65'536> kZeros{};

}  // namespace

Result<Pieces> FileReader::read(std::uint64_t offset, std::uint64_t size) {
  if (offset >= map_->size()) return Pieces();
  const std::uint64_t end = offset + std::min(size, map_->size() - offset);
  read_ahead(offset, end);
  return pieces(offset, end);
}

Result<Pieces> FileReader::pieces(std::uint64_t offset, std::uint64_t end) {
  Pieces found;
  const Entry& file = map_->file();
  if (!file.inline_content.empty()) {
    found.push_back({as_bytes(file.inline_content).subspan(offset, end - offset), map_});
    return found;
  }
  while (offset < end) {
    const ContentMap::Piece piece = TRY(map_->piece_at(offset));
    std::uint64_t length = std::min(end, piece.end) - offset;
    if (!piece.slice.id) {
      length = std::min<std::uint64_t>(length, kZeros.size());
      found.push_back({ByteSpan(kZeros).first(length), nullptr});
    } else {
      ChunkCache::Chunk chunk = TRY(chunks_.load(*piece.slice.id));
      if (piece.slice.offset > chunk->size() ||
          piece.slice.length > chunk->size() - piece.slice.offset)
        return fail(ErrorCode::corrupt, "a slice lies beyond its chunk");
      const std::uint64_t from = piece.slice.offset + (offset - piece.begin);
      found.push_back({chunk->span().subspan(from, length), std::move(chunk)});
    }
    offset += length;
  }
  return found;
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
