// SPDX-License-Identifier: Apache-2.0
#include "src/engine/listed_packs.h"

#include <algorithm>

#include "repo/names.h"

namespace lagan {
namespace {

constexpr int kListings = 5;

}  // namespace

Result<ListedPacks> list_packs(const Repository& repository) {
  ListedPacks packs;
  for (const ObjectKind kind : {ObjectKind::tree_pack, ObjectKind::data_pack}) {
    const std::string_view folder = kind == ObjectKind::tree_pack ? names::kTree : names::kData;
    TRY(repository.storage().list(folder, [&](const ObjectInfo& info) -> Result<void> {
      const auto id = names::id_of<PackId>(info.name);
      if (id && names::pack(kind, *id) == info.name) packs[*id] = {kind, info.size_bytes};
      return {};
    }));
  }
  return packs;
}

Result<ListedPacks> list_packs_twice(const Repository& repository) {
  ListedPacks before = TRY(list_packs(repository));
  for (int i = 0; i < kListings; ++i) {
    ListedPacks after = TRY(list_packs(repository));
    const auto is_there = [&](const auto& pack) { return after.contains(pack.first); };
    if (std::ranges::all_of(before, is_there)) return after;
    before = std::move(after);
  }
  return fail(ErrorCode::unavailable,
              "the storage lists other packs each time: another collection may be at work");
}

}  // namespace lagan
