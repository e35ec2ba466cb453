// SPDX-License-Identifier: Apache-2.0
#include "repo/derived_keys.h"

#include <doctest/doctest.h>

#include "tests/repo/test_repository.h"

namespace lagan {
namespace {

TEST_CASE("every repository cuts, splits and groups in its own way") {
  const TestRepository one, two;
  CHECK(split_key(*one) == split_key(*one));
  CHECK(split_key(*one) != split_key(*two));
  CHECK(chunker_seed(*one) != chunker_seed(*two));
  CHECK(cache_check(*one, "states") == cache_check(*one, "states"));
  CHECK(cache_check(*one, "states") != cache_check(*two, "states"));
  CHECK(cache_check(*one, "states") != cache_check(*one, "stated"));
  CHECK(cache_check(*one, "").size() == 16);
}

TEST_CASE("hard link groups differ by device and by inode and are never 0") {
  const TestRepository repository;
  const PrfKey key = split_key(*repository);
  CHECK(hardlink_group(key, 0, 5) == hardlink_group(key, 0, 5));
  CHECK(hardlink_group(key, 0, 5) != hardlink_group(key, 1, 5));
  CHECK(hardlink_group(key, 0, 5) != hardlink_group(key, 0, 6));
  CHECK(hardlink_group(key, 0, 5) != hardlink_group(key, 5, 0));
}

TEST_CASE("a cache name is short, safe in a path, and one for one text") {
  CHECK(cache_name("host\0/path").size() == 32);
  CHECK(cache_name("a") == cache_name("a"));
  CHECK(cache_name("a") != cache_name("b"));
  CHECK(cache_name("../..").find('/') == std::string::npos);
}

}  // namespace
}  // namespace lagan
