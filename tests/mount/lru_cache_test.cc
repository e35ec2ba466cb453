// SPDX-License-Identifier: Apache-2.0
#include "mount/lru_cache.h"

#include <doctest/doctest.h>

#include <string>

namespace lagan {
namespace {

TEST_CASE("what was not used for the longest time goes first") {
  LruCache<int, std::string> cache(30);
  for (int key = 1; key <= 3; ++key) cache.put(key, std::to_string(key), 10);
  REQUIRE(cache.find(1) != nullptr);
  cache.put(4, "4", 10);
  CHECK(cache.find(2) == nullptr);
  CHECK(*cache.find(1) == "1");
  CHECK(cache.weight() == 30);
  cache.put(4, "four", 5);
  CHECK(*cache.find(4) == "four");
  CHECK(cache.weight() == 25);
}

TEST_CASE("one that is heavier than all the room is kept alone") {
  LruCache<int, int> cache(10);
  cache.put(1, 1, 5);
  cache.put(2, 2, 50);
  CHECK(cache.find(1) == nullptr);
  REQUIRE(cache.find(2) != nullptr);
  cache.erase(2);
  cache.erase(2);
  CHECK(cache.weight() == 0);
}

}  // namespace
}  // namespace lagan
