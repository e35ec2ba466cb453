// SPDX-License-Identifier: Apache-2.0
#include "src/engine/segments.h"

#include <algorithm>

#include "repo/index_loader.h"
#include "repo/names.h"

namespace lagan {
namespace {

// Small segments are joined when there are more than so many.
constexpr std::size_t kSmallSegmentsKept = 16;
constexpr std::uint64_t kSmallSegment = std::uint64_t{1} << 20;

// Segments that must be written anew, and those worth joining.
std::vector<const SegmentSummary*> choose_inputs(const SegmentSet& segments,
                                                 const IndexChange& change) {
  std::vector<const SegmentSummary*> inputs, small;
  for (const SegmentSummary* segment : segments.live()) {
    const bool names_one = std::ranges::any_of(segment->packs, [&](const PackId& pack) {
      return change.drop.contains(pack) || change.gone.contains(pack);
    });
    if (names_one) {
      inputs.push_back(segment);
    } else if (segment->size < kSmallSegment) {
      small.push_back(segment);
    }
  }
  if (small.size() > kSmallSegmentsKept) inputs.insert(inputs.end(), small.begin(), small.end());
  return inputs;
}

}  // namespace

Result<SegmentSet> SegmentSet::read(const Repository& repository) {
  SegmentSet set = TRY(read_what_is_whole(repository));
  if (set.unreadable_.empty()) return set;
  return fail(ErrorCode::corrupt,
              set.unreadable_.begin()->second +
                  ": nothing is deleted before 'lagan repair index' has been run");
}

// Another collector may replace segments while they are read: then they are listed anew.
Result<SegmentSet> SegmentSet::read_what_is_whole(const Repository& repository) {
  constexpr int kLooks = 5;
  for (int look = 1;; ++look) {
    auto set = read_once(repository);
    if (set || set.error().code != ErrorCode::not_found || look == kLooks) return set;
  }
}

Result<SegmentSet> SegmentSet::read_once(const Repository& repository) {
  std::vector<std::pair<SegmentId, std::uint64_t>> listed;
  TRY(repository.storage().list(names::kIndex, [&](const ObjectInfo& info) -> Result<void> {
    if (const auto id = names::id_of<SegmentId>(info.name))
      listed.emplace_back(*id, info.size_bytes);
    return {};
  }));
  SegmentSet set;
  for (const auto& [id, size] : listed) {
    const auto segment = fetch_segment(repository, id);
    if (!segment && segment.error().code == ErrorCode::corrupt) {
      set.unreadable_.emplace(id, segment.error().message);
      continue;
    }
    if (!segment) return fail(segment.error());
    if (segment->unknown_fields) {
      return fail(ErrorCode::unsupported, names::segment(id).text() +
                                              ": was written by a later version, which must "
                                              "collect this repository");
    }
    set.add({id, size, {}, segment->supersedes, segment->dropped}, segment->packs);
  }
  std::erase_if(set.unreadable_, [&](const auto& each) { return !set.is_live(each.first); });
  return set;
}

void SegmentSet::add(SegmentSummary summary, const std::vector<PackEntry>& packs) {
  for (const PackEntry& pack : packs) summary.packs.push_back(pack.name);
  superseded_.insert(summary.supersedes.begin(), summary.supersedes.end());
  all_.emplace(summary.id, std::move(summary));
}

std::vector<const SegmentSummary*> SegmentSet::live() const {
  std::vector<const SegmentSummary*> live;
  for (const auto& [id, segment] : all_) {
    if (is_live(id)) live.push_back(&segment);
  }
  return live;
}

std::unordered_set<PackId> SegmentSet::listed() const {
  std::unordered_set<PackId> packs;
  for (const SegmentSummary* segment : live())
    packs.insert(segment->packs.begin(), segment->packs.end());
  return packs;
}

std::unordered_set<PackId> SegmentSet::dropped() const {
  std::unordered_set<PackId> packs;
  for (const SegmentSummary* segment : live())
    packs.insert(segment->dropped.begin(), segment->dropped.end());
  return packs;
}

std::vector<SegmentId> SegmentSet::replaced() const {
  const auto kept = listed(), gone = dropped();
  std::vector<SegmentId> replaced;
  for (const auto& [id, segment] : all_) {
    const bool is_whole = std::ranges::all_of(segment.packs, [&](const PackId& pack) {
      return kept.contains(pack) || gone.contains(pack);
    });
    if (!is_live(id) && is_whole) replaced.push_back(id);
  }
  return replaced;
}

Result<void> SegmentWriter::add(PackEntry pack) {
  const std::size_t size = size_in_segment(pack);
  if (size_ + size > most_bytes_ && !segment_.packs.empty()) TRY(put({}, {}));
  size_ += size;
  segment_.packs.push_back(std::move(pack));
  return {};
}

Result<void> SegmentWriter::finish() {
  return segment_.packs.empty() ? Result<void>() : put({}, {});
}

Result<void> SegmentWriter::finish_replacing(const std::set<SegmentId>& supersedes,
                                             const std::set<PackId>& dropped) {
  return put(supersedes, dropped);
}

Result<void> SegmentWriter::put(const std::set<SegmentId>& supersedes,
                                const std::set<PackId>& dropped) {
  segment_.supersedes.assign(supersedes.begin(), supersedes.end());
  segment_.dropped.assign(dropped.begin(), dropped.end());
  segment_.created = repository_.now();
  const Sealing& sealing = repository_.sealing();
  const std::string message =
      sign_message(sealing, ObjectKind::index_segment, "", encode(segment_));
  const SealedObject object = seal_body(sealing, ObjectKind::index_segment, "", message);
  TRY(repository_.put(names::segment(SegmentId{hash(object.span())}), object));
  ++written_.segments;
  written_.bytes += object.span().size();
  segment_ = Segment();
  size_ = 0;
  return {};
}

Result<Rewritten> rewrite_index(const Repository& repository, const SegmentSet& segments,
                                const IndexChange& change,
                                const std::unordered_set<PackId>& present) {
  const auto inputs = choose_inputs(segments, change);
  if (inputs.empty() && change.replace.empty()) return Rewritten();
  const auto goes = [&](const PackId& pack) {
    return change.drop.contains(pack) || change.gone.contains(pack);
  };
  SegmentWriter writer(repository);
  std::set<PackId> listed, dropped(change.drop);
  std::set<SegmentId> supersedes(change.replace);
  // Until the last segment says that it replaces the inputs, both forms count.
  for (const SegmentSummary* input : inputs) {
    Segment segment = TRY(fetch_segment(repository, input->id));
    for (PackEntry& pack : segment.packs) {
      if (!goes(pack.name) && listed.insert(pack.name).second) TRY(writer.add(std::move(pack)));
    }
    supersedes.insert(input->id);
    // What the inputs replace stays replaced while it is there.
    for (const SegmentId& id : input->supersedes) {
      if (segments.all().contains(id)) supersedes.insert(id);
    }
    for (const PackId& pack : input->dropped) {
      if (present.contains(pack)) dropped.insert(pack);
    }
  }
  // Listing wins: what any live segment lists besides those is not dropped.
  for (const SegmentSummary* live : segments.live()) {
    for (const PackId& pack : live->packs) {
      if (!change.drop.contains(pack)) dropped.erase(pack);
    }
  }
  TRY(writer.finish_replacing(supersedes, dropped));
  return writer.written();
}

}  // namespace lagan
