// SPDX-License-Identifier: Apache-2.0
#include "repo/wire.h"

#include <doctest/doctest.h>

#include <optional>

#include "util/hex.h"

namespace lagan {
namespace {

std::string unhex(std::string_view digits) {
  std::string bytes(digits.size() / 2, '\0');
  REQUIRE(from_hex(digits, std::as_writable_bytes(std::span(bytes))));
  return bytes;
}

// The first field as a number; nothing if it is refused.
std::optional<std::uint64_t> number_in(std::string_view digits) {
  const std::string message = unhex(digits);
  WireReader in(message);
  if (!in.next()) return std::nullopt;
  const std::uint64_t number = in.u64();
  if (in.refused()) return std::nullopt;
  return number;
}

TEST_CASE("varints are read up to 64 bits, and not beyond") {
  CHECK(number_in("0800") == 0);
  CHECK(number_in("08ac02") == 300);
  CHECK(number_in("08ffffffffffffffffff01") == ~std::uint64_t{0});
  CHECK(!number_in("08ffffffffffffffffff02"));
  CHECK(!number_in("08ffffffffffffffffff7f"));
  CHECK(!number_in("08ffffffffffffffffffff01"));
  CHECK(!number_in("08"));
  CHECK(!number_in("08ff"));
}

TEST_CASE("field numbers are 1 to 2^29 - 1, and groups are refused") {
  CHECK(number_in("f8ffffff0f01") == 1);
  CHECK(!number_in("0001"));
  CHECK(!number_in("f8ffffff1f01"));  // one bit too many, which protozero drops
  for (const std::string_view wire_type : {"0b01", "0c01", "0e01", "0f01"})
    CHECK(!number_in(wire_type));
}

TEST_CASE("a length of more than 32 bits is not taken for a short one") {
  const std::string message = unhex("0a8180808010") + "x";  // 2^32 + 1
  WireReader in(message);
  CHECK(!in.next());
  CHECK(in.status("test").error().message == "test: a field is cut short");
}

TEST_CASE("longer varints than needed are told") {
  const auto shortest = [](std::string_view digits) {
    const std::string message = unhex(digits);
    WireReader in(message);
    while (in.next()) continue;
    CHECK(!in.refused());
    return in.all_shortest();
  };
  CHECK(shortest("0801"));
  CHECK(!shortest("088100"));    // the value
  CHECK(!shortest("880001"));    // the tag
  CHECK(!shortest("0a810061"));  // the length
}

TEST_CASE("what was refused first is what is reported") {
  WireReader in(std::string_view("\x08\x01"));
  in.refuse("first");
  in.refuse("second");
  CHECK(!in.next());
  CHECK(in.status("here").error().message == "here: first");
}

TEST_CASE("only a field that is not repeated can be there twice") {
  const std::string message = unhex("080108010802");
  WireReader singular(message);
  while (singular.next()) singular.u64();
  CHECK(singular.saw_twice());
  WireReader repeated(message);
  while (repeated.next()) repeated.repeated().u64();
  CHECK(!repeated.saw_twice());
  // Not only when the two are neighbours, and also when the second is the last.
  const std::string apart = unhex("080110010801");
  WireReader in(apart);
  while (in.next()) continue;
  CHECK(in.saw_twice());
}

TEST_CASE("packed numbers that are cut short or too large are refused") {
  const auto sum = [](std::string_view digits) -> std::optional<std::uint64_t> {
    const std::string message = unhex(digits);
    WireReader in(message);
    std::uint64_t total = 0;
    while (in.next()) in.each_u32([&](std::uint32_t number) { total += number; });
    if (in.refused()) return std::nullopt;
    return total;
  };
  CHECK(sum("0a03010203") == 6);
  CHECK(sum("0801") == 1);
  CHECK(sum("0a00") == 0);
  CHECK(sum("0a05ffffffff0f") == 0xffffffff);
  CHECK(!sum("0a058080808010"));
  CHECK(!sum("0a020180"));
  CHECK(!sum("0d00000000"));
}

TEST_CASE("numbers go to the wire and come back") {
  std::string message;
  {
    StringWriter out(message);
    out.s64(1, std::numeric_limits<std::int64_t>::min());
    out.s64(2, -1);
    out.present_s64(3, 0);
    out.fixed64(4, 0x0102030405060708);
    out.u64(5, 0);
  }
  CHECK(to_hex(as_bytes(message)) ==
        "08ffffffffffffffffff01"
        "1001"
        "1800"
        "210807060504030201");
  WireReader in(message);
  REQUIRE(in.next());
  CHECK(in.s64() == std::numeric_limits<std::int64_t>::min());
  REQUIRE(in.next());
  CHECK(in.s32() == -1);
  REQUIRE(in.next());
  CHECK(in.s64() == 0);
  REQUIRE(in.next());
  CHECK(in.fixed64() == 0x0102030405060708);
  CHECK(!in.next());
  CHECK(in.status("test"));
}

TEST_CASE("fields of two messages merge by number") {
  const std::string known = unhex(
      "0801"
      "1801"
      "1802");
  const std::string unknown = unhex(
      "2001"
      "1001"
      "1803");
  CHECK(to_hex(as_bytes(merge_fields(known, unknown))) ==
        "0801"
        "1001"
        "1801"
        "1802"
        "1803"
        "2001");
}

}  // namespace
}  // namespace lagan
