// SPDX-License-Identifier: Apache-2.0
#include "crypto/random.h"

#include <doctest/doctest.h>

#include "tests/crypto/fixtures.h"

namespace lagan {

TEST_CASE("the system's randomness fills all bytes, each time with others") {
  std::array<std::byte, 64> first{}, second{};
  system_random(first);
  system_random(second);
  CHECK(first != second);
  CHECK(!is_zero(std::span(first).last(32)));
  system_random({});
}

}  // namespace lagan
