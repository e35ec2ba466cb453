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

// So many packs are listed in one segment.
constexpr std::size_t kPacksPerSegment = 1000;

Result<void> put_segment(const Repository& repository, Segment& segment) {
  if (segment.packs.empty()) return {};
  segment.created = repository.now();
  const SealedObject object =
      seal_body(repository.sealing(), ObjectKind::index_segment, "", encode(segment));
  TRY(repository.put(names::segment(SegmentId{hash(object.span())}), object));
  segment = Segment();
  return {};
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
  Segment found;
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
    found.packs.push_back(*std::move(entry));
    if (carry_out && found.packs.size() == kPacksPerSegment) TRY(put_segment(repository, found));
  }
  if (carry_out) TRY(put_segment(repository, found));

  IndexChange change;
  std::unordered_set<PackId> present;
  for (const auto& [id, pack] : stored) present.insert(id);
  for (const PackId& id : listed) {
    if (present.contains(id)) continue;
    change.gone.insert(id);
    plan.remove.push_back(id.hex());
  }
  // A pack that cannot be read might be known by an unreadable segment alone: that one stays.
  if (plan.unreadable.empty()) {
    for (const auto& [id, what] : segments.unreadable()) {
      change.replace.insert(id);
      plan.replace.push_back(names::segment(id).text());
    }
  }
  for (auto* names : {&plan.add, &plan.remove, &plan.replace, &plan.unreadable})
    std::ranges::sort(*names);
  const bool changes = !change.gone.empty() || !change.replace.empty();
  if (carry_out && changes) TRY(rewrite_index(repository, segments, change, present));
  return plan;
}

}  // namespace lagan
