// SPDX-License-Identifier: Apache-2.0
#include "crypto/exchange.h"

#include <doctest/doctest.h>

#include "tests/crypto/fixtures.h"

namespace lagan {

TEST_CASE("X25519 agrees with RFC 7748") {
  SUBCASE("section 5.2, first vector") {
    const auto secret = exchange_secret(
        key_of("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"),
        array_of<32>("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"));
    REQUIRE(secret);
    CHECK(to_hex(secret->span()) ==
          "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
  }
  SUBCASE("section 6.1, Alice and Bob") {
    const SecretKey alice =
        key_of("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
    const SecretKey bob =
        key_of("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
    CHECK(to_hex(exchange_public_key(alice)) ==
          "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
    CHECK(to_hex(exchange_public_key(bob)) ==
          "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
    const auto of_alice = exchange_secret(alice, exchange_public_key(bob));
    const auto of_bob = exchange_secret(bob, exchange_public_key(alice));
    REQUIRE(of_alice);
    REQUIRE(of_bob);
    CHECK(to_hex(of_alice->span()) ==
          "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
    CHECK(equal_in_constant_time(of_alice->span(), of_bob->span()));
  }
}

TEST_CASE("a public key of small order is corrupt") {
  // u = 0, 1, the two points of order 8, p - 1, p and p + 1.
  for (const char* point : {"0000000000000000000000000000000000000000000000000000000000000000",
                            "0100000000000000000000000000000000000000000000000000000000000000",
                            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
                            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
                            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"}) {
    INFO(point);
    const auto secret = exchange_secret(key_filled_with(0x42), array_of<32>(point));
    REQUIRE(!secret);
    CHECK(secret.error().code == ErrorCode::corrupt);
  }
}

}  // namespace lagan
