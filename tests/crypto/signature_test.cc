// SPDX-License-Identifier: Apache-2.0
#include "crypto/signature.h"

#include <doctest/doctest.h>

#include "tests/crypto/fixtures.h"

namespace lagan {

namespace {

struct Vector {
  const char *seed, *public_key, *message, *signature;
};

// RFC 8032, section 7.1, tests 1 to 3.
constexpr Vector kVectors[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b"
     "4"
     "6bd25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11"
     "d"
     "8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc"
     "6"
     "594a7c15e9716ed28dc027beceea1ec40a"},
};

}  // namespace

TEST_CASE("Ed25519 agrees with RFC 8032") {
  for (const Vector& vector : kVectors) {
    INFO(vector.seed);
    const SecretKey seed = key_of(vector.seed);
    const Bytes message = bytes_of(vector.message);
    CHECK(to_hex(signing_public_key(seed)) == vector.public_key);
    CHECK(to_hex(sign(seed, message)) == vector.signature);
    CHECK(verify(array_of<32>(vector.public_key), message, array_of<64>(vector.signature)));
  }
}

TEST_CASE("a signature holds for its key, its message and nothing else") {
  const SecretKey seed = key_filled_with(0x33);
  const SigningPublicKey key = signing_public_key(seed);
  const Signature signature = sign(seed, as_bytes("take away"));
  CHECK(verify(key, as_bytes("take away"), signature));
  CHECK(!verify(key, as_bytes("take a way"), signature));
  CHECK(!verify(signing_public_key(key_filled_with(0x34)), as_bytes("take away"), signature));
  for (std::size_t i = 0; i < signature.size(); ++i) {
    Signature bent = signature;
    bent[i] ^= std::byte{1};
    INFO("byte ", i);
    CHECK(!verify(key, as_bytes("take away"), bent));
  }
}

}  // namespace lagan
