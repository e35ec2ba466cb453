// SPDX-License-Identifier: Apache-2.0
#include "util/id.h"

#include <doctest/doctest.h>

#include <type_traits>
#include <unordered_set>

namespace lagan {

TEST_CASE("an id comes back from its hex and from its bytes") {
  const std::string hex = "000102030405060708090a0b0c0d0e0f";
  const auto id = SnapshotId::from_hex(hex);
  REQUIRE(id);
  CHECK(id->hex() == hex);
  CHECK(id->short_hex() == "00010203");
  CHECK(SnapshotId::from_bytes(id->span()) == id);
}

TEST_CASE("an id of another length is refused") {
  CHECK_FALSE(SnapshotId::from_hex("00"));
  CHECK_FALSE(SnapshotId::from_hex(std::string(64, '0')));
  CHECK_FALSE(SnapshotId::from_bytes(ChunkId{}.span()));
  CHECK_FALSE(ChunkId::from_bytes({}));
}

TEST_CASE("no kind of id converts into another") {
  CHECK_FALSE(std::is_convertible_v<ChunkId, PackId>);
  CHECK_FALSE(std::is_constructible_v<PackId, ChunkId>);
  CHECK_FALSE(std::is_convertible_v<SnapshotId, RepositoryId>);
}

TEST_CASE("ids are ordered by their bytes and hashed") {
  const auto low = RepositoryId::from_hex("00000000000000000000000000000001");
  const auto high = RepositoryId::from_hex("01000000000000000000000000000000");
  CHECK(*low < *high);
  const std::unordered_set<RepositoryId> set{*low, *high, *low};
  CHECK(set.size() == 2);
  CHECK(set.contains(*high));
}

}  // namespace lagan
