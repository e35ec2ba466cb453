// SPDX-License-Identifier: Apache-2.0
#include "mount/node_table.h"

#include <doctest/doctest.h>

#include <map>
#include <random>

namespace lagan {
namespace {

TEST_CASE("it holds what a map would hold, whatever the order of adding and erasing") {
  const unsigned seed = 7;
  INFO("seed " << seed);
  std::mt19937_64 dice(seed);
  NodeTable table;
  std::map<NodeId, std::uint32_t> expected;
  for (int step = 0; step < 60'000; ++step) {
    // Few low bits, so that many have the same home.
    const NodeId id = ((dice() % 4000 + 1) << 8) | (dice() % 3);
    // First it grows, in the end it shrinks.
    if (dice() % 100 < (step < 30'000 ? 30U : 70U)) {
      table.erase(id);
      expected.erase(id);
    } else {
      bool is_new = false;
      NodeTable::Node& node = table.add(id, is_new);
      REQUIRE(is_new == !expected.contains(id));
      if (is_new) node.extra = static_cast<std::uint32_t>(step);
      ++expected[id];
      REQUIRE(node.references == expected[id]);
    }
  }
  CHECK(table.size() == expected.size());
  for (const auto& [id, references] : expected) {
    const NodeTable::Node* node = table.find(id);
    REQUIRE(node != nullptr);
    CHECK(node->references == references);
  }
  for (const auto& [id, references] : expected) table.erase(id);
  CHECK(table.size() == 0);
}

}  // namespace
}  // namespace lagan
