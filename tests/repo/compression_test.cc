// SPDX-License-Identifier: Apache-2.0
#include "repo/compression.h"

#include <doctest/doctest.h>
#include <zstd.h>

#include "repo/limits.h"
#include "tests/repo/test_repository.h"

namespace lagan {
namespace {

std::string text_of(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; text.size() < size; ++i)
    text += "line " + std::to_string(i * i) + " of a log that goes on\n";
  text.resize(size);
  return text;
}

bool decompresses(ByteSpan frame, std::size_t size) {
  Decompressor decompressor;
  Bytes out(size);
  const auto done = decompressor.decompress(frame, out.span());
  if (!done) CHECK(done.error().code == ErrorCode::corrupt);
  return done.has_value();
}

TEST_CASE("what was compressed comes back, at every level and size") {
  for (const int level : {-1, 1, 3, 15}) {
    Compressor compressor(level);
    Decompressor decompressor;
    for (const std::size_t size : {1UL, 100UL, 4096UL, 65'535UL, 65'536UL, 65'537UL, 1'000'000UL}) {
      CAPTURE(level);
      CAPTURE(size);
      const std::string text = text_of(size);
      const auto output = compressor.compress(as_bytes(text));
      if (output.codec == Codec::raw) {
        CHECK(output.bytes.data() == as_bytes(text).data());
        CHECK(output.bytes.size() == size);
        continue;
      }
      CHECK(output.bytes.size() < size);
      Bytes out(size);
      REQUIRE(decompressor.decompress(output.bytes, out.span()));
      CHECK(as_text(out) == text);
    }
  }
}

TEST_CASE("what gains less than 3 % is stored raw") {
  Compressor compressor(3);
  for (const std::size_t size : {1UL, 3UL, 500UL, 65'536UL, 1'048'576UL}) {
    const Bytes noise = random_content(size, size);
    CHECK(compressor.compress(noise).codec == Codec::raw);
  }
  CHECK(compressor.compress(as_bytes(text_of(100'000))).codec == Codec::zstd);
}

TEST_CASE("text at one end of noise is found by the probe") {
  Compressor compressor(3);
  for (const bool text_first : {true, false}) {
    const std::string text = text_of(600'000);
    const std::string noise(as_text(random_content(400'000, 3).span()));
    const std::string mixed = text_first ? text + noise : noise + text;
    CHECK(compressor.compress(as_bytes(mixed)).codec == Codec::zstd);
  }
}

TEST_CASE("a block is one whole frame of exactly its size") {
  Compressor compressor(3);
  const std::string text = text_of(50'000);
  const auto output = compressor.compress(as_bytes(text));
  REQUIRE(output.codec == Codec::zstd);
  const std::string frame(as_text(output.bytes));
  CHECK(decompresses(as_bytes(frame), text.size()));
  CHECK_FALSE(decompresses(as_bytes(frame), text.size() - 1));
  CHECK_FALSE(decompresses(as_bytes(frame), text.size() + 1));
  CHECK_FALSE(decompresses(as_bytes(frame + "x"), text.size()));
  CHECK_FALSE(decompresses(as_bytes(frame + frame), text.size()));
  CHECK_FALSE(decompresses(as_bytes(frame + frame), 2 * text.size()));
  CHECK_FALSE(decompresses({}, text.size()));
  CHECK_FALSE(decompresses(as_bytes("not zstd at all"), text.size()));
  // A skippable frame with nothing in it.
  CHECK_FALSE(decompresses(as_bytes(std::string("\x50\x2a\x4d\x18\0\0\0\0", 8)), text.size()));
  CHECK_FALSE(
      decompresses(as_bytes(std::string("\x50\x2a\x4d\x18\0\0\0\0", 8) + frame), text.size()));
}

TEST_CASE("a frame cut at any length is refused, and a changed one never overruns") {
  Compressor compressor(3);
  const std::string text = text_of(3'000);
  const auto output = compressor.compress(as_bytes(text));
  REQUIRE(output.codec == Codec::zstd);
  const std::string frame(as_text(output.bytes));
  for (std::size_t size = 0; size < frame.size(); ++size) {
    CHECK_FALSE(decompresses(Bytes::copy_of(as_bytes(frame.substr(0, size))), text.size()));
  }
  for (std::size_t i = 0; i < frame.size(); ++i) {
    std::string changed = frame;
    changed[i] = static_cast<char>(changed[i] ^ 0x20);
    (void)decompresses(Bytes::copy_of(as_bytes(changed)), text.size());
  }
}

TEST_CASE("a frame that wants a window of more than 8 MiB is refused") {
  const std::string text = text_of(100'000);
  const auto compressed_with_window = [&](int window_log) {
    ZSTD_CCtx* context = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
    // Without the content size the frame says its window as it is.
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
    std::string out(ZSTD_compressBound(text.size()), '\0');
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    ZSTD_inBuffer from{text.data(), text.size(), 0};
    // In two steps, so that zstd does not shrink the window to the content.
    from.size = 10;
    ZSTD_compressStream2(context, &to, &from, ZSTD_e_flush);
    from.size = text.size();
    CHECK(ZSTD_compressStream2(context, &to, &from, ZSTD_e_end) == 0);
    ZSTD_freeCCtx(context);
    out.resize(to.pos);
    return out;
  };
  CHECK(decompresses(as_bytes(compressed_with_window(20)), text.size()));
  CHECK(decompresses(as_bytes(compressed_with_window(23)), text.size()));
  CHECK_FALSE(decompresses(as_bytes(compressed_with_window(24)), text.size()));
  CHECK_FALSE(decompresses(as_bytes(compressed_with_window(27)), text.size()));
}

}  // namespace
}  // namespace lagan
