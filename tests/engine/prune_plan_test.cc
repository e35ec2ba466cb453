// SPDX-License-Identifier: Apache-2.0
#include "src/engine/prune_plan.h"

#include <doctest/doctest.h>

#include "tests/repo/samples.h"

namespace lagan {
namespace {

constexpr std::uint64_t kPack = 32 << 20;

PackUsage pack(std::uint8_t number, std::uint64_t needed_percent, std::uint64_t size = kPack) {
  return {.name = samples::id<PackId>(number),
          .size = size,
          .stored_bytes = size,
          .needed_bytes = size * needed_percent / 100,
          .needed_chunks = needed_percent,
          .chunks = 100};
}

std::vector<PackId> names(const std::vector<PackUsage>& packs) {
  std::vector<PackId> names;
  for (const PackUsage& each : packs) names.push_back(each.name);
  return names;
}

TEST_CASE("packs that nothing needs go, whatever may stay") {
  PruneLimits limits;
  limits.unused_share = 1;
  const PrunePlan plan = plan_prune({pack(1, 0), pack(2, 10), pack(3, 0)}, limits);
  CHECK(names(plan.dead) == names({pack(1, 0), pack(3, 0)}));
  CHECK(plan.repack.empty());
  CHECK(plan.freed_bytes == 2 * kPack);
}

TEST_CASE("the emptiest packs are stored again until little enough is left over") {
  PruneLimits limits;
  limits.unused_share = 0.2;
  // Needed: 2.6 packs, so 0.65 may stay; unneeded: 1.4.
  const PrunePlan plan = plan_prune({pack(1, 100), pack(2, 90), pack(3, 20), pack(4, 50)}, limits);
  CHECK(names(plan.repack) == names({pack(3, 20)}));
  CHECK(plan.repacked_bytes == kPack * 20 / 100);
  limits.unused_share = 0;
  CHECK(plan_prune({pack(1, 100), pack(2, 90), pack(3, 20)}, limits).repack.size() == 2);
  limits.unused_share = 1;
  limits.unused_bytes = kPack;
  CHECK(plan_prune({pack(1, 50), pack(2, 40), pack(3, 90)}, limits).repack.size() == 1);
}

TEST_CASE("one run stores no more again than it may") {
  PruneLimits limits;
  limits.unused_share = 0;
  limits.repack_bytes = kPack * 30 / 100;
  const PrunePlan plan = plan_prune({pack(1, 50), pack(2, 20), pack(3, 10), pack(4, 15)}, limits);
  CHECK(names(plan.repack) == names({pack(3, 10), pack(4, 15)}));
}

TEST_CASE("many small packs are joined, few are left alone") {
  std::vector<PackUsage> packs;
  for (std::uint8_t i = 0; i < 32; ++i) packs.push_back(pack(i, 100, 10'000));
  CHECK(plan_prune(packs, {}).repack.empty());
  packs.push_back(pack(100, 100, 10'000));
  packs.push_back(pack(101, 100));
  const PrunePlan plan = plan_prune(packs, {});
  CHECK(plan.repack.size() == 33);
}

TEST_CASE("the order of packs does not matter") {
  PruneLimits limits;
  limits.unused_share = 0.1;
  std::vector<PackUsage> packs = {pack(1, 50), pack(2, 50), pack(3, 0), pack(4, 80), pack(5, 50)};
  const auto first = plan_prune(packs, limits);
  std::ranges::reverse(packs);
  CHECK(names(plan_prune(packs, limits).repack) == names(first.repack));
  CHECK(plan_prune({}, limits).dead.empty());
}

}  // namespace
}  // namespace lagan
