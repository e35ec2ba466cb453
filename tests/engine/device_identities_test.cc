// SPDX-License-Identifier: Apache-2.0
#include "src/engine/device_identities.h"

#include <doctest/doctest.h>

#include <set>

namespace lagan {
namespace {

TEST_CASE("a file system that says what it is has that identity under any device number") {
  DeviceIdentities one_boot, another;
  one_boot.add(7, 0xabc);
  another.add(8, 0xabc);
  CHECK(one_boot.contains(7));
  CHECK_FALSE(one_boot.contains(8));
  CHECK(one_boot.at(7) == another.at(8));
}

TEST_CASE("no two devices share an identity, whatever they say that they are") {
  DeviceIdentities identities;
  std::set<std::uint64_t> found;
  std::uint64_t device = 1;
  for (const std::uint64_t own : {0x10U, 0x10U, 0x10U, 0U, 0x12U, 6U, 0U, 0x13U, 1U}) {
    identities.add(device, own);
    found.insert(identities.at(device++));
  }
  CHECK(found.size() == 9);
  CHECK(identities.at(1) == 0x10);
}

}  // namespace
}  // namespace lagan
