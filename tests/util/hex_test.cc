// SPDX-License-Identifier: Apache-2.0
#include "util/hex.h"

#include <doctest/doctest.h>

#include <array>

namespace lagan {

TEST_CASE("every byte survives the way to hex and back") {
  std::array<std::byte, 256> all{};
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::byte>(i);
  const std::string text = to_hex(all);
  CHECK(text.substr(0, 8) == "00010203");
  CHECK(text.substr(504) == "fcfdfeff");
  std::array<std::byte, 256> back{};
  REQUIRE(from_hex(text, back));
  CHECK(back == all);
}

TEST_CASE("hex that is not exactly the wanted lower-case digits is refused") {
  std::array<std::byte, 2> out{};
  CHECK(from_hex("09af", out));
  for (const char* bad : {"", "09a", "09af0", "09AF", "09ag", " 9af", "0x9a", "09a/", "09a:"}) {
    INFO(bad);
    CHECK_FALSE(from_hex(bad, out));
  }
}

TEST_CASE("no bytes are the empty text") {
  CHECK(to_hex({}).empty());
  CHECK(from_hex("", {}));
}

}  // namespace lagan
