// SPDX-License-Identifier: Apache-2.0
#include "src/engine/repair_index.h"

#include <algorithm>
#include <set>
#include <unordered_set>

#include "repo/index_loader.h"
#include "repo/names.h"
#include "repo/pack_reader.h"
#include "src/engine/listed_packs.h"
#include "src/engine/segments.h"

namespace lagan {
namespace {

// Are these the bytes that its writer put? Then nobody will ever read it, from no copy either.
Result<bool> is_as_written(const Repository& repository, const SegmentId& id) {
  const Bytes object = TRY(repository.storage().get(names::segment(id)));
  return SegmentId{hash(object)} == id;
}

}  // namespace

Result<RepairIndexPlan> repair_index(const Repository& repository, bool carry_out) {
  if (carry_out) TRY(repository.check_writable());
  const SegmentSet segments = TRY(SegmentSet::read_what_is_whole(repository));
  const ListedPacks stored = TRY(list_packs_twice(repository));
  const auto listed = segments.listed(), dropped = segments.dropped();
  const auto condemned = load_condemned(repository);
  const auto is_set_aside = [&](const PackId& id) { return condemned && condemned->contains(id); };

  RepairIndexPlan plan;
  SegmentWriter writer(repository);
  for (const auto& [id, pack] : stored) {
    // What was given up deliberately is not listed again.
    if (listed.contains(id) || dropped.contains(id)) continue;
    const std::string name = names::pack(pack.kind, id).text();
    auto entry =
        read_pack_directory(repository.sealing(), repository.storage(), pack.kind, id, pack.size);
    if (!entry && entry.error().code == ErrorCode::corrupt) {
      if (!is_set_aside(id)) plan.unreadable.push_back(name);
      continue;
    }
    if (!entry) return fail(std::move(entry).error());
    plan.add.push_back(name);
    if (carry_out) TRY(writer.add(*std::move(entry)));
  }
  TRY(writer.finish());

  IndexChange change;
  std::unordered_set<PackId> present;
  for (const auto& [id, pack] : stored) present.insert(id);
  for (const PackId& id : listed) {
    if (present.contains(id)) continue;
    change.gone.insert(id);
    plan.remove.push_back(id.hex());
  }
  // A pack that cannot be read might be known by a damaged segment alone: that one stays, for a
  // whole copy of it may come back.
  for (const auto& [id, what] : segments.unreadable()) {
    if (!plan.unreadable.empty() && !TRY(is_as_written(repository, id))) continue;
    change.replace.insert(id);
    plan.replace.push_back(names::segment(id).text());
  }
  for (auto* names : {&plan.add, &plan.remove, &plan.replace, &plan.unreadable})
    std::ranges::sort(*names);
  const bool changes = !change.gone.empty() || !change.replace.empty();
  if (carry_out && changes) TRY(rewrite_index(repository, segments, change, present));
  return plan;
}

}  // namespace lagan
