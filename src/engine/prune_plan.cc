// SPDX-License-Identifier: Apache-2.0
#include "src/engine/prune_plan.h"

#include <algorithm>
#include <tuple>

namespace lagan {
namespace {

// Many small backups leave many small packs: so many of one kind are joined.
constexpr std::uint64_t kSmallPack = std::uint64_t{2} << 20;
constexpr std::ptrdiff_t kSmallPacksKept = 32;

// What may stay unneeded when so much is needed.
std::uint64_t allowed(const PruneLimits& limits, std::uint64_t needed) {
  if (limits.unused_share >= 1) return limits.unused_bytes;
  const double share = limits.unused_share / (1 - limits.unused_share);
  const auto by_share = static_cast<std::uint64_t>(share * static_cast<double>(needed));
  return std::min(by_share, limits.unused_bytes);
}

// By the part that is not needed.
bool is_emptier(const PackUsage& a, const PackUsage& b) {
  const auto share = [](const PackUsage& pack) {
    return static_cast<double>(pack.unneeded_bytes()) / static_cast<double>(pack.stored_bytes + 1);
  };
  return std::tuple(share(b), a.name) < std::tuple(share(a), b.name);
}

}  // namespace

PrunePlan plan_prune(std::vector<PackUsage> packs, const PruneLimits& limits) {
  PrunePlan plan;
  std::vector<PackUsage> used;
  std::uint64_t left_over = 0;  // unneeded bytes in packs that stay
  for (PackUsage& pack : packs) {
    plan.needed_bytes += pack.needed_bytes;
    plan.unneeded_bytes += pack.unneeded_bytes();
    if (pack.needed_chunks == 0) {
      plan.freed_bytes += pack.size;
      plan.dead.push_back(std::move(pack));
    } else {
      left_over += pack.unneeded_bytes();
      used.push_back(std::move(pack));
    }
  }
  const auto take = [&](const PackUsage& pack) {
    plan.repacked_bytes += pack.needed_bytes;
    plan.freed_bytes += pack.unneeded_bytes();
    plan.repack.push_back(pack);
  };
  const auto fits = [&](const PackUsage& pack) {
    return pack.needed_bytes <=
           limits.repack_bytes - std::min(plan.repacked_bytes, limits.repack_bytes);
  };

  std::ranges::sort(used, is_emptier);
  const std::uint64_t may_stay = allowed(limits, plan.needed_bytes);
  std::vector<PackUsage> staying;
  for (const PackUsage& pack : used) {
    const bool is_sparse = left_over > may_stay && pack.unneeded_bytes() != 0;
    if (is_sparse && fits(pack)) {
      left_over -= pack.unneeded_bytes();
      take(pack);
    } else {
      staying.push_back(pack);
    }
  }
  for (const ObjectKind kind : {ObjectKind::data_pack, ObjectKind::tree_pack}) {
    const auto is_small = [&](const PackUsage& pack) {
      return pack.kind == kind && pack.size < kSmallPack;
    };
    if (std::ranges::count_if(staying, is_small) <= kSmallPacksKept) continue;
    for (const PackUsage& pack : staying) {
      if (is_small(pack) && fits(pack)) take(pack);
    }
  }
  std::ranges::sort(plan.dead, {}, &PackUsage::name);
  std::ranges::sort(plan.repack, {}, &PackUsage::name);
  return plan;
}

}  // namespace lagan
