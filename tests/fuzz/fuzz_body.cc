// SPDX-License-Identifier: Apache-2.0

// Sealed bodies and zstd frames. The first byte chooses. Random bytes do not get past a tag, so
// besides objects as they come the target seals plaintexts of its own, with keys that are the same
// in every run: what opening answers must be what the format says of that plaintext.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "repo/body.h"
#include "repo/compression.h"
#include "repo/frames.h"
#include "repo/limits.h"
#include "tests/repo/samples.h"
#include "util/coding.h"

namespace lagan {
namespace {

constexpr std::string_view kName = "sessions/2021";
// What one input may grow into when it is decompressed.
constexpr std::size_t kRawMax = std::size_t{1} << 20;

void count_up(MutableByteSpan out) {
  unsigned char next = 0;
  for (std::byte& byte : out) byte = static_cast<std::byte>(++next);
}

const Sealing& sealing() {
  static const MasterKeys keys = samples::keys();
  static const Sealing made{samples::id<RepositoryId>(0x10), &keys, Suite::chacha20_poly1305,
                            count_up};
  return made;
}

void open_hostile(ObjectKind kind, ByteSpan object) {
  const std::string_view name = kind == ObjectKind::index_segment ? "" : kName;
  const auto message = open_body(sealing(), kind, name, object, limits::kSmallBodyBytes);
  if (message) LAGAN_ASSERT(message->size() < object.size());
}

// The input becomes the plaintext of a body: length, message and padding as they come.
void open_sealed(ByteSpan plaintext) {
  if (plaintext.empty()) return;
  SecretKey hedged;
  count_up(hedged.span());
  const auto object = new_object(ObjectKind::index_segment, sealing().suite, sealing().repository,
                                 sealing().keys->epoch, hedged);
  LAGAN_ASSERT(object);
  Bytes bytes(kHeaderSize + sealed_frames_size(plaintext.size()));
  std::ranges::copy(object->header.bytes, bytes.data());
  seal_frames(sealing().suite, object->key.aead, object->header.bytes, plaintext,
              bytes.span().subspan(kHeaderSize));
  const auto message =
      open_body(sealing(), ObjectKind::index_segment, "", bytes, limits::kSmallBodyBytes);

  const bool has_length = plaintext.size() >= 4;
  const std::size_t length = has_length ? load_le<std::uint32_t>(plaintext.data()) : 0;
  const bool fits = has_length && length <= plaintext.size() - 4;
  const bool is_good =
      fits && std::ranges::all_of(plaintext.subspan(4 + length),
                                  [](std::byte padding) { return padding == std::byte{0}; });
  LAGAN_ASSERT(message.has_value() == is_good);
  if (message) LAGAN_ASSERT(*message == as_text(plaintext.subspan(4, length)));
}

void seal_and_open(ByteSpan message) {
  const SealedObject object = seal_body(sealing(), ObjectKind::session, kName, as_text(message));
  const auto opened =
      open_body(sealing(), ObjectKind::session, kName, object.span(), limits::kSmallBodyBytes);
  LAGAN_ASSERT(opened && *opened == as_text(message));
  const ByteSpan cut = object.span().first(object.span().size() - 1 - message.size() % 100);
  LAGAN_ASSERT(!open_body(sealing(), ObjectKind::session, kName, cut, limits::kSmallBodyBytes));
}

void check_signed(ByteSpan message) {
  LAGAN_ASSERT(!check_signature(sealing(), ObjectKind::config, kName, as_text(message)));
  const std::string with =
      sign_message(sealing(), ObjectKind::config, kName, std::string(as_text(message)));
  // What is no message, or has a field 100 of its own, stays refused with a signature that holds.
  const auto covered = check_signature(sealing(), ObjectKind::config, kName, with);
  if (!covered) return;
  LAGAN_ASSERT(*covered == as_text(message));
  LAGAN_ASSERT(!check_signature(sealing(), ObjectKind::condemned, kName, with));
  LAGAN_ASSERT(!check_signature(sealing(), ObjectKind::config, "config/1", with));
  LAGAN_ASSERT(!check_signature(sealing(), ObjectKind::config, kName, with + with));
}

// Three bytes of size, then the frame.
void decompress(ByteSpan input) {
  if (input.size() < 3) return;
  const std::size_t size = std::to_integer<std::size_t>(input[0]) |
                           std::to_integer<std::size_t>(input[1]) << 8 |
                           std::to_integer<std::size_t>(input[2]) << 16;
  static Decompressor decompressor;
  Bytes raw(std::min(size, kRawMax));
  const ByteSpan frame = input.subspan(3);
  if (!decompressor.decompress(frame, raw.span())) return;
  Bytes again(raw.size());
  LAGAN_ASSERT(decompressor.decompress(frame, again.span()));
  LAGAN_ASSERT(std::ranges::equal(raw.span(), again.span()));
  // One byte more is another size or a second frame.
  Bytes larger(raw.size() + 1);
  LAGAN_ASSERT(!decompressor.decompress(frame, larger.span()));
  std::string longer(as_text(frame));
  longer.push_back('\0');
  LAGAN_ASSERT(!decompressor.decompress(as_bytes(longer), raw.span()));
}

// The input 17 times, so that there is something to find and to probe.
void compress(ByteSpan input) {
  std::string raw;
  for (int i = 0; i < 17; ++i) raw += as_text(input);
  if (raw.empty()) return;
  static Compressor compressor(3);
  static Decompressor decompressor;
  const Compressor::Output output = compressor.compress(as_bytes(raw));
  if (output.codec == Codec::raw) return LAGAN_ASSERT(output.bytes.size() == raw.size());
  LAGAN_ASSERT(output.bytes.size() < raw.size());
  Bytes back(raw.size());
  LAGAN_ASSERT(decompressor.decompress(output.bytes, back.span()));
  LAGAN_ASSERT(as_text(back) == raw);
}

void run(unsigned choice, ByteSpan input) {
  switch (choice % 8) {
    case 0:
      return open_hostile(ObjectKind::session, input);
    case 1:
      return open_hostile(ObjectKind::snapshot, input);
    case 2:
      return open_hostile(ObjectKind::index_segment, input);
    case 3:
      return open_sealed(input);
    case 4:
      return seal_and_open(input);
    case 5:
      return check_signed(input);
    case 6:
      return decompress(input);
    default:
      return compress(input);
  }
}

}  // namespace
}  // namespace lagan

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 0) lagan::run(data[0], std::as_bytes(std::span(data + 1, size - 1)));
  return 0;
}
