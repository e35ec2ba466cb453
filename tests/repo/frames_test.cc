// SPDX-License-Identifier: Apache-2.0
#include "repo/frames.h"

#include <doctest/doctest.h>

#include "repo/padding.h"
#include "tests/repo/hostile.h"

namespace lagan {
namespace {

TEST_CASE("sizes keep their six highest bits and grow by 3.2 % at most") {
  CHECK(round6(0) == 0);
  CHECK(round6(63) == 63);
  CHECK(round6(64) == 64);
  CHECK(round6(65) == 66);
  CHECK(round6(2048) == 2048);
  CHECK(round6(2049) == 2112);
  CHECK(round6(4097) == 4224);
  CHECK(round6(5000) == 5120);
  CHECK(round6(67'108'865) == 69'206'016);
  std::uint64_t last = 0;
  for (std::uint64_t size = 1; size < 300'000; ++size) {
    const std::uint64_t rounded = round6(size);
    CHECK_MESSAGE((rounded >= size && rounded >= last && (rounded - size) * 1000 <= size * 32),
                  size);
    CHECK_MESSAGE(round6(rounded) == rounded, size);
    last = rounded;
  }
}

TEST_CASE("a padded message comes back, and only one that is padded with zeros") {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{2044},
                                 std::size_t{2045}, std::size_t{100'000}}) {
    const std::string message(size, 'm');
    SecretBytes padded = pad_message(as_bytes(message));
    CHECK(padded.size() == round6(std::max<std::size_t>(size + 4, 2048)));
    const auto back = unpad_message(padded.span());
    REQUIRE(back);
    CHECK(as_text(*back) == message);
    if (padded.size() > size + 4) {
      padded.span().back() = std::byte{1};
      CHECK_FALSE(unpad_message(padded.span()));
    }
  }
}

TEST_CASE("a length beyond the plaintext is refused") {
  const std::string text("\x05\0\0\0four", 8);
  CHECK_FALSE(unpad_message(as_bytes(text)));
  CHECK_FALSE(unpad_message(as_bytes(std::string("\xff\xff\xff\xff", 4))));
  survives_damage(text, [](ByteSpan bytes) { return unpad_message(bytes); });
}

TEST_CASE("frames of an impossible size are refused before they are opened") {
  const SecretKey key;
  for (const std::size_t size : {std::size_t{0}, std::size_t{16}, (std::size_t{1} << 20) + 16 + 16,
                                 (std::size_t{1} << 20) + 16 + 1}) {
    CAPTURE(size);
    CHECK_FALSE(open_frames(Suite::chacha20_poly1305, key, {}, Bytes(size)));
  }
}

}  // namespace
}  // namespace lagan
