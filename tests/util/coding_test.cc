// SPDX-License-Identifier: Apache-2.0
#include "util/coding.h"

#include <doctest/doctest.h>

namespace lagan {

TEST_CASE("integers are little-endian in bytes, whatever this machine is") {
  std::string out;
  append_le(out, std::uint8_t{0x01});
  append_le(out, std::uint16_t{0x0203});
  append_le(out, std::uint32_t{0x04050607});
  append_le(out, std::uint64_t{0xf8f9fafbfcfdfeff});
  CHECK(out == "\x01\x03\x02\x07\x06\x05\x04\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8");

  Reader reader(as_bytes(out));
  CHECK(reader.u8() == std::uint8_t{0x01});
  CHECK(reader.u16le() == std::uint16_t{0x0203});
  CHECK(reader.u32le() == std::uint32_t{0x04050607});
  CHECK(reader.u64le() == std::uint64_t{0xf8f9fafbfcfdfeff});
  CHECK(reader.left() == 0);
}

TEST_CASE("the largest values survive") {
  std::byte raw[8];
  store_le(UINT64_MAX, raw);
  CHECK(load_le<std::uint64_t>(raw) == UINT64_MAX);
  store_le(std::uint16_t{UINT16_MAX}, raw);
  CHECK(load_le<std::uint16_t>(raw) == UINT16_MAX);
}

TEST_CASE("a record cut at any length is corrupt, and the reader stays where it was") {
  const std::string whole = "01234567";
  for (std::size_t length = 0; length < whole.size(); ++length) {
    INFO(length);
    Reader reader(as_bytes(whole).first(length));
    const auto number = reader.u64le();
    REQUIRE_FALSE(number);
    CHECK(number.error().code == ErrorCode::corrupt);
    CHECK(reader.left() == length);
  }
}

TEST_CASE("a length from outside that is too long does not wrap around") {
  Reader reader(as_bytes("abc"));
  CHECK_FALSE(reader.bytes(SIZE_MAX));
  CHECK(as_text(reader.bytes(2).value()) == "ab");
  CHECK(reader.left() == 1);
}

}  // namespace lagan
