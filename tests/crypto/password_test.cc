// SPDX-License-Identifier: Apache-2.0
#include "crypto/password.h"

#include <doctest/doctest.h>

#include "tests/crypto/fixtures.h"

namespace lagan {

namespace {

const auto kSalt = array_of<16>("000102030405060708090a0b0c0d0e0f");
constexpr PasswordCost kCheap{.memory_kib = 64, .passes = 3};

std::string stretched(std::string_view password, const PasswordSalt& salt, PasswordCost cost) {
  const Result<SecretKey> key = stretch_password(as_bytes(password), salt, cost);
  REQUIRE(key);
  return to_hex(key->span());
}

}  // namespace

// The vector of RFC 9106 has four lanes and a secret, which libsodium cannot do. These values come
// from another implementation: Argon2id of OpenSSL 4.0 through Python's cryptography 48.
TEST_CASE("Argon2id agrees with OpenSSL's") {
  CHECK(stretched("correct horse battery staple", kSalt, kCheap) ==
        "bc240e180a205bd2e782cdc64983f247e76aeb8fb2133aec1570b70cccd68bff");
  CHECK(stretched("correct horse battery staple", kSalt, {}) ==
        "0d1a3c6523c8f06e4e0af9c515aa5b5448cfebd6838f2d52c3d8b6ef8ddc3c2e");
}

TEST_CASE("the empty password and the smallest cost are a password and a cost") {
  CHECK(stretched("", kSalt, {.memory_kib = 8, .passes = 1}) ==
        "31ed41e2d73f27fdfe4eb4bec651341e58ba43477051c6fe4adad735d82ee08a");
  const auto nowhere = stretch_password(ByteSpan(), kSalt, {.memory_kib = 8, .passes = 1});
  REQUIRE(nowhere);
  CHECK(to_hex(nowhere->span()) == stretched("", kSalt, {.memory_kib = 8, .passes = 1}));
}

TEST_CASE("password, salt and each cost change the key") {
  const std::string key = stretched("a", kSalt, kCheap);
  PasswordSalt other_salt = kSalt;
  other_salt[15] ^= std::byte{1};
  CHECK(stretched("b", kSalt, kCheap) != key);
  CHECK(stretched("a", other_salt, kCheap) != key);
  CHECK(stretched("a", kSalt, {.memory_kib = 72, .passes = 3}) != key);
  CHECK(stretched("a", kSalt, {.memory_kib = 64, .passes = 4}) != key);
}

TEST_CASE("an impossible cost is refused") {
  for (const PasswordCost cost :
       {PasswordCost{.memory_kib = 7, .passes = 3}, PasswordCost{.memory_kib = 0, .passes = 3},
        PasswordCost{.memory_kib = 64, .passes = 0}}) {
    const auto key = stretch_password(as_bytes("a"), kSalt, cost);
    REQUIRE(!key);
    CHECK(key.error().code == ErrorCode::invalid_argument);
  }
}

}  // namespace lagan
