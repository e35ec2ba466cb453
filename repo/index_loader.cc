// SPDX-License-Identifier: Apache-2.0
#include "repo/index_loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "repo/limits.h"
#include "repo/names.h"

namespace lagan {
namespace {

Result<std::vector<SegmentId>> list_segments(const Repository& repository) {
  std::vector<SegmentId> ids;
  TRY(repository.storage().list(names::kIndex, [&](const ObjectInfo& info) -> Result<void> {
    if (const auto id = names::id_of<SegmentId>(info.name)) ids.push_back(*id);
    return {};
  }));
  std::ranges::sort(ids);
  return ids;
}

// Which segments a segment replaces must be known without fetching it again: one small file per
// segment that supersedes any would do, but only a collector makes those, and they are few. They
// are kept in memory.
struct Fetched {
  SegmentId id;
  Segment segment;
};

}  // namespace

Result<LocalIndex> open_local_index(const Repository& repository) {
  const std::string& cache = repository.cache_folder();
  return LocalIndex::open(cache.empty() ? std::string() : cache + "/index", repository.id());
}

Result<Segment> fetch_segment(const Repository& repository, const SegmentId& id) {
  const ObjectName name = names::segment(id);
  const Bytes object = TRY_IN(name.text(), repository.storage().get(name));
  if (SegmentId{hash(object)} != id)
    return fail(ErrorCode::corrupt, name.text() + ": does not match its name");
  const std::string message =
      TRY_IN(name.text(), open_body(repository.sealing(), ObjectKind::index_segment, "", object,
                                    limits::kSegmentBytes));
  const auto covered =
      check_signature(repository.sealing(), ObjectKind::index_segment, "", message);
  Segment segment = TRY_IN(name.text(), decode_segment(as_bytes(covered ? *covered : message)));
  if (!covered) {
    segment.supersedes.clear();
    segment.dropped.clear();
  }
  return segment;
}

Result<LoadedIndex> load_index(const Repository& repository, LocalIndex& index) {
  LoadedIndex loaded;
  loaded.live = TRY(list_segments(repository));
  std::set<SegmentId> superseded;
  for (const SegmentId& id : TRY(index.missing(loaded.live))) {
    auto segment = fetch_segment(repository, id);
    if (!segment) {
      if (segment.error().code != ErrorCode::corrupt) return fail(std::move(segment).error());
      loaded.damaged.push_back(segment.error().message);
      std::erase(loaded.live, id);
      continue;
    }
    TRY(index.add(id, *segment));
  }
  TRY(index.compact());
  return loaded;
}

Result<std::unordered_set<PackId>> load_condemned(const Repository& repository) {
  std::vector<ObjectName> logs;
  TRY(repository.storage().list(names::kCondemned, [&](const ObjectInfo& info) -> Result<void> {
    logs.push_back(info.name);
    return {};
  }));
  std::unordered_set<PackId> condemned;
  for (const ObjectName& log : logs) {
    const std::string message =
        TRY(repository.get_signed(ObjectKind::condemned, log, limits::kCondemnedBytes));
    const Condemned packs = TRY_IN(log.text(), decode_condemned(as_bytes(message)));
    condemned.insert(packs.data_packs.begin(), packs.data_packs.end());
    condemned.insert(packs.tree_packs.begin(), packs.tree_packs.end());
  }
  return condemned;
}

}  // namespace lagan
