// SPDX-License-Identifier: Apache-2.0
#include "crypto/hash.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/crypto/fixtures.h"

namespace lagan {

namespace {

struct Vector {
  std::size_t size_bytes;
  const char *hash, *keyed_hash, *derived;
};

// Input sizes, hash and keyed hash are from test_vectors.json of the BLAKE3 repository, whose key
// is kKey and whose input counts from 0 to 250 again and again. Our contexts always begin with
// "lagan v1 ", so the official derive_key column does not apply; ours was obtained from the same
// input with the official program: b3sum --no-names --derive-key "lagan v1 test" (Debian 12,
// b3sum 1.2.0).
constexpr Vector kVectors[] = {
    {0, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
     "92b2b75604ed3c761f9d6f62392c8a9227ad0ea3f09573e783f1498a4ed60d26",
     "5cedac646c86586034cee0075b73917b568a730da9cdcb233d2bc3fa7139a4f3"},
    {1, "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213",
     "6d7878dfff2f485635d39013278ae14f1454b8c0a3a2d34bc1ab38228a80c95b",
     "ca31a9376bb4e7e778c38ec96dbed4cc845fe96bc0a8eaf61ffad536c90f67a8"},
    {63, "e9bc37a594daad83be9470df7f7b3798297c3d834ce80ba85d6e207627b7db7b",
     "bb1eb5d4afa793c1ebdd9fb08def6c36d10096986ae0cfe148cd101170ce37ae",
     "29275c73e0f668ffb41a23ef33207e5e70145ea50a67882ba8d68f64cfa76a77"},
    {64, "4eed7141ea4a5cd4b788606bd23f46e212af9cacebacdc7d1f4c6dc7f2511b98",
     "ba8ced36f327700d213f120b1a207a3b8c04330528586f414d09f2f7d9ccb7e6",
     "5663fe3b5eb418ae01360e62c8a90d7f6f8c0aaf24df418c6e2e33cc4caf684d"},
    {65, "de1e5fa0be70df6d2be8fffd0e99ceaa8eb6e8c93a63f2d8d1c30ecb6b263dee",
     "c0a4edefa2d2accb9277c371ac12fcdbb52988a86edc54f0716e1591b4326e72",
     "1ef1523e954289e8d9e41a79bf17af4f97b7feae88cf89a428ced25b93dc6482"},
    {1023, "10108970eeda3eb932baac1428c7a2163b0e924c9a9e25b35bba72b28f70bd11",
     "c951ecdf03288d0fcc96ee3413563d8a6d3589547f2c2fb36d9786470f1b9d6e",
     "5c079063d2df23794314bb2fa5d5ec94d46c25cceae079bfa242c197c7512a88"},
    {1024, "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7",
     "75c46f6f3d9eb4f55ecaaee480db732e6c2105546f1e675003687c31719c7ba4",
     "dba2dd39da9b91619bebd554476ca8cb137109f6e821ad6bd212dfbdc8913612"},
    {1025, "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444",
     "357dc55de0c7e382c900fd6e320acc04146be01db6a8ce7210b7189bd664ea69",
     "b5c2da7936ed209f203c331b153377acb01b88e4f7f9c6126aa0e57f8aec803a"},
    {2049, "5f4d72f40d7a5f82b15ca2b2e44b1de3c2ef86c426c95c1af0b6879522563030",
     "9f29700902f7c86e514ddc4df1e3049f258b2472b6dd5267f61bf13983b78dd5",
     "1082b1e26afc60033698ff355582bef9c62aa0a4ee97ce0d6d730d827d948b11"},
    {8193, "bab6c09cb8ce8cf459261398d2e7aef35700bf488116ceb94a36d0f5f1b7bc3b",
     "954a2a75420c8d6547e3ba5b98d963e6fa6491addc8c023189cc519821b4a1f5",
     "a16275bab5119fe7fc5644387bfde1dbf2e32231f2a1c786056ddb51c05c4a5d"},
    {31744, "62b6960e1a44bcc1eb1a611a8d6235b6b4b78f32e7abc4fb4c6cdcce94895c47",
     "efa53b389ab67c593dba624d898d0f7353ab99e4ac9d42302ee64cbf9939a419",
     "be13f808d277d9b77667f8eacf074d5f46e213b9f0100cb50b5a4f1109c0c82d"},
    {102400, "bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085",
     "1c35d1a5811083fd7119f5d5d1ba027b4d01c0c6c49fb6ff2cf75393ea5db4a7",
     "a0d642bf8a0e56d310a7ffd3a378d540ae3b3b0824096e8dc6923a37d85bd9d7"},
};

const SecretKey& official_key() {
  static const SecretKey key = [] {
    SecretKey made;
    std::ranges::copy(as_bytes("whats the Elvish word for friend"), made.span().begin());
    return made;
  }();
  return key;
}

Bytes official_input(std::size_t size_bytes) {
  Bytes input(size_bytes);
  for (std::size_t i = 0; i < size_bytes; ++i) input.data()[i] = static_cast<std::byte>(i % 251);
  return input;
}

}  // namespace

TEST_CASE("BLAKE3 agrees with the official vectors in each mode") {
  for (const Vector& vector : kVectors) {
    INFO("input of ", vector.size_bytes, " bytes");
    const Bytes data = official_input(vector.size_bytes);
    CHECK(to_hex(hash(data)) == vector.hash);
    CHECK(to_hex(keyed_hash(official_key(), data)) == vector.keyed_hash);
    CHECK(to_hex(derive_key("test", data).span()) == vector.derived);
  }
}

TEST_CASE("a suffix hashes as if it followed the data in memory") {
  for (const Vector& vector : kVectors) {
    const Bytes data = official_input(vector.size_bytes);
    for (const std::size_t cut : {std::size_t{0}, vector.size_bytes / 3, vector.size_bytes}) {
      INFO("input of ", vector.size_bytes, " bytes, cut at ", cut);
      const ByteSpan all = data;
      CHECK(to_hex(keyed_hash(official_key(), all.first(cut), all.subspan(cut))) ==
            vector.keyed_hash);
    }
  }
}

TEST_CASE("deriving fills outputs of any length") {
  // b3sum --length 100, otherwise as above, for 1,025 bytes of input.
  constexpr std::string_view kExtended =
      "b5c2da7936ed209f203c331b153377acb01b88e4f7f9c6126aa0e57f8aec803a909980b16716cf6fb3c5ef21f77b"
      "a631"
      "0a20045043237c22245d4c0c9c8fdc654382a39dd10a696703a2b08da610672630cf057857cad650ffdf971b85e2"
      "09d7"
      "1776fcdf";
  const Bytes material = official_input(1025);
  for (const std::size_t size_bytes : {0U, 1U, 16U, 32U, 64U, 100U}) {
    Bytes out(size_bytes);
    derive_key("test", material, out.span());
    CHECK(to_hex(out) == kExtended.substr(0, 2 * size_bytes));
  }
}

TEST_CASE("labels separate derived keys") {
  CHECK(to_hex(derive_key("aead", {}).span()) != to_hex(derive_key("nonce", {}).span()));
}

TEST_CASE("hashing in steps gives the hash of the whole, at any step and after") {
  const Bytes data = official_input(8193);
  const ByteSpan all = data;
  for (const std::size_t step : {1U, 7U, 64U, 1000U, 8193U}) {
    INFO("steps of ", step);
    Hasher hasher;
    for (std::size_t at = 0; at < all.size(); at += step) {
      hasher.update(all.subspan(at, std::min(step, all.size() - at)));
    }
    CHECK(hasher.finish() == hash(data));
  }
  Hasher hasher;
  CHECK(hasher.finish() == hash({}));
  hasher.update(all.first(1024));
  CHECK(hasher.finish() == hash(all.first(1024)));
  Hasher moved(std::move(hasher));
  moved.update(all.subspan(1024));
  CHECK(moved.finish() == hash(data));
}

}  // namespace lagan
