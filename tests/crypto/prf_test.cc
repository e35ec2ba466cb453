// SPDX-License-Identifier: Apache-2.0
#include "crypto/prf.h"

#include <doctest/doctest.h>

#include "tests/crypto/fixtures.h"

namespace lagan {

TEST_CASE("SipHash-2-4 agrees with the reference vectors") {
  // Appendix A of the paper, and the first rows of vectors.h in the authors' C code (there as
  // bytes).
  const auto key = array_of<16>("000102030405060708090a0b0c0d0e0f");
  CHECK(siphash24(key, bytes_of("000102030405060708090a0b0c0d0e")) == 0xa129ca6149be45e5);
  CHECK(siphash24(key, {}) == 0x726fdb47dd0e0e31);
  CHECK(siphash24(key, bytes_of("00")) == 0x74f839c593dc67fd);
}

TEST_CASE("SipHash depends on the key and on the length") {
  const PrfKey zero{};
  CHECK(siphash24(zero, bytes_of("00")) != siphash24(zero, bytes_of("0000")));
  CHECK(siphash24(zero, bytes_of("00")) !=
        siphash24(array_of<16>("00000000000000000000000000000001"), bytes_of("00")));
}

}  // namespace lagan
