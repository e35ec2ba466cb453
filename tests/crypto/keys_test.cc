// SPDX-License-Identifier: Apache-2.0
#include "crypto/keys.h"

#include <doctest/doctest.h>

#include "tests/crypto/fixtures.h"

namespace lagan {

TEST_CASE("generated keys are all different and fit together") {
  const MasterKeys keys = MasterKeys::generate(system_random);
  CHECK(keys.check_public_keys());
  CHECK(keys.epoch.number == 1);
  const std::array<const SecretKey*, 7> secrets = {&keys.id_key,
                                                   &keys.chunk_key,
                                                   &keys.sign_seed,
                                                   &keys.epoch.data_secret,
                                                   &keys.epoch.meta_secret,
                                                   &keys.epoch.shared,
                                                   &keys.epoch.index_key};
  for (std::size_t i = 0; i < secrets.size(); ++i) {
    CHECK(!is_zero(secrets[i]->span()));
    for (std::size_t j = 0; j < i; ++j) {
      CHECK(!equal_in_constant_time(secrets[i]->span(), secrets[j]->span()));
    }
  }
}

TEST_CASE("generated keys depend on nothing but the randomness") {
  const MasterKeys keys = MasterKeys::generate(counting_random());
  // 00 01 02 … as secrets; the public keys were computed with Python's cryptography 48.
  CHECK(keys.id_key.span()[0] == std::byte{0x00});
  CHECK(keys.epoch.index_key.span()[31] == std::byte{0xdf});
  CHECK(to_hex(keys.owner_public) ==
        "2543b92ff1095511476adc8369db6ddc933665a11978dda1404ee1066ca9559d");
  CHECK(to_hex(keys.epoch.data_public) ==
        "675dd574ed7789310b3d2e7681f3790b466c773b1521fecf36577958371ea52f");
  CHECK(to_hex(keys.epoch.meta_public) ==
        "493e82fc74464a59268817623d2053c5eb8e2cc4a988b4fee179ec6b010d531d");
}

TEST_CASE("a public key that is not its secret's is corrupt") {
  MasterKeys keys = MasterKeys::generate(counting_random());
  REQUIRE(keys.check_public_keys());
  SUBCASE("owner") { keys.owner_public[0] ^= std::byte{1}; }
  SUBCASE("data") { keys.epoch.data_public[31] ^= std::byte{1}; }
  SUBCASE("meta") { std::swap(keys.epoch.meta_public, keys.epoch.data_public); }
  SUBCASE("seed") { keys.sign_seed.span()[0] ^= std::byte{1}; }
  const Result<void> checked = keys.check_public_keys();
  REQUIRE(!checked);
  CHECK(checked.error().code == ErrorCode::corrupt);
}

}  // namespace lagan
