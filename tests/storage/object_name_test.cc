// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "storage/storage.h"

namespace lagan {

TEST_CASE("names are segments of a few safe characters") {
  for (const char* good : {"a", "config", "packs/3f/3f2a", "a-b_c.d", "a./b-", "0", "a/b/c/d"}) {
    INFO(good);
    const auto name = ObjectName::parse(good);
    REQUIRE(name);
    CHECK(name->text() == good);
  }
}

TEST_CASE("names that could reach elsewhere, hide or collide are refused") {
  for (const char* bad : {"",    "/",    "/a",   "a/",     "a//b", ".",
                          "..",  "../a", "a/..", "a/../b", "a/.b", ".lagan-tmp-0011223344556677",
                          "A",   "a b",  "a\\b", "a:b",    "a%2f", "ä",
                          "a\n", "a*",   "~"}) {
    INFO(bad);
    const auto name = ObjectName::parse(bad);
    REQUIRE_FALSE(name);
    CHECK(name.error().code == ErrorCode::invalid_argument);
  }
  CHECK_FALSE(ObjectName::parse(std::string_view("a\0b", 3)));
}

TEST_CASE("a name has at most 200 bytes") {
  CHECK(ObjectName::parse(std::string(200, 'a')));
  CHECK_FALSE(ObjectName::parse(std::string(201, 'a')));
}

}  // namespace lagan
