// SPDX-License-Identifier: Apache-2.0
#include "repo/compression.h"

#include <zstd.h>

#include <algorithm>

#include "repo/limits.h"

namespace lagan {
namespace {

// Enough to tell text from random bytes; costs a hundredth of compressing a full block.
constexpr std::size_t kProbeSize = 16 * limits::kKiB;
// A probe this small says nothing that compressing would not say as fast.
constexpr std::size_t kSmallestProbed = 4 * kProbeSize;
constexpr int kProbeLevel = -1;

bool saves_enough(std::size_t compressed, std::size_t raw) {
  return compressed < raw - raw * 3 / 100;
}

// Decompressing in one call checks no window, so its descriptor is read here (RFC 8878, 3.1.1.1).
// A frame in a single segment has none: its window is its content.
bool has_large_window(ByteSpan frame) {
  constexpr std::size_t kDescriptor = 4;
  constexpr unsigned kSingleSegment = 0x20;
  const auto at = [&](std::size_t i) { return std::to_integer<unsigned>(frame[i]); };
  if (frame.size() < kDescriptor + 2 || (at(kDescriptor) & kSingleSegment) != 0) return false;
  const unsigned window = at(kDescriptor + 1);
  const std::uint64_t base = std::uint64_t{1} << (10 + (window >> 3));
  return base + base / 8 * (window & 7) > std::uint64_t{1} << limits::kZstdWindowLog;
}

}  // namespace

struct Compressor::State {
  int level;
  ZSTD_CCtx* context = ZSTD_createCCtx();
  Bytes scratch;

  ~State() { ZSTD_freeCCtx(context); }

  MutableByteSpan room(std::size_t size) {
    if (scratch.size() < size) scratch = Bytes(size);
    return scratch.span();
  }

  // Four pieces spread over the block, so that a compressed file behind a text header shows.
  bool looks_incompressible(ByteSpan raw) {
    constexpr std::size_t kPiece = kProbeSize / 4;
    std::byte probe[kProbeSize];
    for (std::size_t i = 0; i < 4; ++i) {
      std::ranges::copy(raw.subspan(i * ((raw.size() - kPiece) / 3), kPiece), probe + i * kPiece);
    }
    const MutableByteSpan out = room(ZSTD_compressBound(kProbeSize));
    const std::size_t size =
        ZSTD_compressCCtx(context, out.data(), out.size(), probe, kProbeSize, kProbeLevel);
    return ZSTD_isError(size) != 0 || !saves_enough(size, kProbeSize);
  }
};

Compressor::Compressor(int level) : state_(std::make_unique<State>()) { state_->level = level; }
Compressor::~Compressor() = default;
Compressor::Compressor(Compressor&&) noexcept = default;
Compressor& Compressor::operator=(Compressor&&) noexcept = default;

Compressor::Output Compressor::compress(ByteSpan raw) {
  if (state_->level == 0) return {Codec::raw, raw};
  if (raw.size() >= kSmallestProbed && state_->looks_incompressible(raw)) return {Codec::raw, raw};
  const MutableByteSpan out = state_->room(ZSTD_compressBound(raw.size()));
  const std::size_t size = ZSTD_compressCCtx(state_->context, out.data(), out.size(), raw.data(),
                                             raw.size(), state_->level);
  if (ZSTD_isError(size) != 0 || !saves_enough(size, raw.size())) return {Codec::raw, raw};
  return {Codec::zstd, out.first(size)};
}

struct Decompressor::State {
  ZSTD_DCtx* context = ZSTD_createDCtx();
  ~State() { ZSTD_freeDCtx(context); }
};

Decompressor::Decompressor() : state_(std::make_unique<State>()) {
  ZSTD_DCtx_setParameter(state_->context, ZSTD_d_windowLogMax,
                         static_cast<int>(limits::kZstdWindowLog));
}
Decompressor::~Decompressor() = default;
Decompressor::Decompressor(Decompressor&&) noexcept = default;
Decompressor& Decompressor::operator=(Decompressor&&) noexcept = default;

Result<void> Decompressor::decompress(ByteSpan frame, MutableByteSpan out) {
  const std::size_t frame_size = ZSTD_findFrameCompressedSize(frame.data(), frame.size());
  if (ZSTD_isError(frame_size) != 0 || frame_size != frame.size()) {
    return fail(ErrorCode::corrupt, "block is not one zstd frame");
  }
  if (has_large_window(frame)) {
    return fail(ErrorCode::corrupt, "block needs a zstd window of more than 8 MiB");
  }
  const std::size_t size =
      ZSTD_decompressDCtx(state_->context, out.data(), out.size(), frame.data(), frame.size());
  if (ZSTD_isError(size) != 0 || size != out.size()) {
    return fail(ErrorCode::corrupt, "block does not decompress to its size");
  }
  return {};
}

}  // namespace lagan
