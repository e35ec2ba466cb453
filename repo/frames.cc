// SPDX-License-Identifier: Apache-2.0
#include "repo/frames.h"

#include <algorithm>

#include "repo/padding.h"
#include "util/coding.h"

namespace lagan {
namespace {

constexpr std::size_t kFrameSize = std::size_t{1} << 20;
constexpr std::size_t kLengthSize = 4;
constexpr std::size_t kSmallestPlaintext = 2048;

std::size_t frame_count(std::size_t plaintext_size) {
  return (plaintext_size + kFrameSize - 1) / kFrameSize;
}

Nonce frame_nonce(std::size_t number, std::size_t count) {
  return make_nonce(static_cast<std::uint32_t>(number),
                    std::uint64_t{number + 1 == count ? 1U : 0U});
}

}  // namespace

std::size_t padded_size(std::size_t message_size) {
  return round6(std::max(kLengthSize + message_size, kSmallestPlaintext));
}

SecretBytes pad_message(ByteSpan message) {
  SecretBytes plaintext(padded_size(message.size()));
  store_le(static_cast<std::uint32_t>(message.size()), plaintext.span().data());
  std::ranges::copy(message, plaintext.span().begin() + kLengthSize);
  return plaintext;
}

Result<ByteSpan> unpad_message(ByteSpan plaintext) {
  Reader reader(plaintext);
  const std::uint32_t length = TRY(reader.u32le());
  const ByteSpan message = TRY(reader.bytes(length));
  const ByteSpan padding = TRY(reader.bytes(reader.left()));
  if (!std::ranges::all_of(padding, [](std::byte b) { return b == std::byte{0}; })) {
    return fail(ErrorCode::corrupt, "padding is not zero");
  }
  return message;
}

std::size_t sealed_frames_size(std::size_t plaintext_size) {
  return plaintext_size + frame_count(plaintext_size) * kTagSize;
}

void seal_frames(Suite suite, const SecretKey& key, ByteSpan associated, ByteSpan plaintext,
                 MutableByteSpan out) {
  Aead aead(suite, key);
  const std::size_t count = frame_count(plaintext.size());
  for (std::size_t i = 0; i < count; ++i) {
    const ByteSpan frame =
        plaintext.subspan(i * kFrameSize, std::min(kFrameSize, plaintext.size() - i * kFrameSize));
    aead.seal(frame_nonce(i, count), associated, frame,
              out.subspan(i * (kFrameSize + kTagSize), frame.size() + kTagSize));
  }
}

Result<SecretBytes> open_frames(Suite suite, const SecretKey& key, ByteSpan associated,
                                ByteSpan frames) {
  constexpr std::size_t kSealedFrame = kFrameSize + kTagSize;
  const std::size_t count = (frames.size() + kSealedFrame - 1) / kSealedFrame;
  if (count == 0 || frames.size() - (count - 1) * kSealedFrame <= kTagSize) {
    return fail(ErrorCode::corrupt, "object ends early");
  }
  Aead aead(suite, key);
  SecretBytes plaintext(frames.size() - count * kTagSize);
  for (std::size_t i = 0; i < count; ++i) {
    const ByteSpan sealed =
        frames.subspan(i * kSealedFrame, std::min(kSealedFrame, frames.size() - i * kSealedFrame));
    TRY(aead.open(frame_nonce(i, count), associated, sealed,
                  plaintext.span().subspan(i * kFrameSize, sealed.size() - kTagSize)));
  }
  return plaintext;
}

}  // namespace lagan
