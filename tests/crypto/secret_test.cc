// SPDX-License-Identifier: Apache-2.0
#include "crypto/secret.h"

#include <doctest/doctest.h>

#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "tests/crypto/fixtures.h"

namespace lagan {

static_assert(!std::is_copy_constructible_v<SecretKey> && !std::is_copy_assignable_v<SecretKey>);
static_assert(!std::is_copy_constructible_v<SecretBytes>);
static_assert(!std::is_copy_assignable_v<SecretBytes>);

TEST_CASE("secret bytes begin as zeros and keep what is put into them") {
  SecretBytes secret(100);
  CHECK(secret.size() == 100);
  CHECK(is_zero(secret.span()));
  secret.span()[99] = std::byte{7};
  CHECK(secret.span()[99] == std::byte{7});
  CHECK(as_text(SecretBytes::copy_of("open sesame").span()) == "open sesame");
}

TEST_CASE("empty secret bytes own nothing") {
  CHECK(SecretBytes().empty());
  CHECK(SecretBytes(0).empty());
  CHECK(SecretBytes::copy_of("").span().data() == nullptr);
}

TEST_CASE("moving secret bytes leaves nothing behind") {
  SecretBytes from = SecretBytes::copy_of("first");
  SecretBytes to(std::move(from));
  CHECK(from.empty());  // NOLINT(bugprone-use-after-move)
  CHECK(as_text(to.span()) == "first");

  SecretBytes other = SecretBytes::copy_of("second");
  other = std::move(to);
  CHECK(to.empty());  // NOLINT(bugprone-use-after-move)
  CHECK(as_text(other.span()) == "first");

  SecretBytes& same = other;
  other = std::move(same);
  CHECK(as_text(other.span()) == "first");
}

TEST_CASE("a secret key that was moved from is zero") {
  SecretKey from = key_filled_with(0xab);
  SecretKey to(std::move(from));
  CHECK(is_zero(from.span()));  // NOLINT(bugprone-use-after-move)
  CHECK(to.span()[31] == std::byte{0xab});

  SecretKey other = key_filled_with(0xcd);
  other = std::move(to);
  CHECK(is_zero(to.span()));  // NOLINT(bugprone-use-after-move)
  CHECK(other.span()[0] == std::byte{0xab});

  SecretKey& same = other;
  other = std::move(same);
  CHECK(other.span()[0] == std::byte{0xab});
}

TEST_CASE("a secret key is wiped when it dies") {
  alignas(SecretKey) std::array<std::byte, sizeof(SecretKey)> place;
  std::ranges::fill(place, std::byte{0xee});
  SecretKey* key = std::construct_at(static_cast<SecretKey*>(static_cast<void*>(place.data())));
  std::ranges::fill(key->span(), std::byte{0xab});
  std::destroy_at(key);
  CHECK(is_zero(place));
}

TEST_CASE("a copy of a secret key is made on request and leaves the original") {
  const SecretKey key = key_filled_with(0x11);
  CHECK(equal_in_constant_time(key.copy().span(), key.span()));
  CHECK(key.span()[0] == std::byte{0x11});
}

TEST_CASE("wiping writes zeros over everything") {
  Bytes memory = bytes_of("0102030405");
  wipe(memory.span());
  CHECK(is_zero(memory));
  wipe({});
}

TEST_CASE("comparing in constant time sees every difference") {
  const Bytes a = bytes_of("00112233");
  CHECK(equal_in_constant_time(a, bytes_of("00112233")));
  CHECK(!equal_in_constant_time(a, bytes_of("10112233")));
  CHECK(!equal_in_constant_time(a, bytes_of("00112232")));
  CHECK(!equal_in_constant_time(a, bytes_of("001122")));
  CHECK(equal_in_constant_time({}, {}));
}

}  // namespace lagan
