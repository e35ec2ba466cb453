// SPDX-License-Identifier: Apache-2.0
#include "repo/index_loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <span>

#include "repo/damaged_packs.h"
#include "repo/derived_keys.h"
#include "repo/limits.h"
#include "repo/names.h"
#include "repo/signed_memory.h"
#include "util/file.h"
#include "util/parallel.h"

namespace lagan {
namespace {

constexpr std::size_t kCacheCheckSize = 16;

Result<std::vector<SegmentId>> list_segments(const Repository& repository) {
  std::vector<SegmentId> ids;
  TRY(repository.storage().list(names::kIndex, [&](const ObjectInfo& info) -> Result<void> {
    if (const auto id = names::id_of<SegmentId>(info.name)) ids.push_back(*id);
    return {};
  }));
  std::ranges::sort(ids);
  return ids;
}

// What a segment supersedes must be known also when its packs come from the local cache: a file
// beside the runs, named for the segment, holds the ids. If it is lost, superseded segments are
// read as well, which costs only time.
std::string supersedes_path(const Repository& repository, const SegmentId& id) {
  if (repository.cache_folder().empty()) return {};
  return fmt::format("{}/index/{}.supersedes", repository.cache_folder(), id.hex());
}

void remember_supersedes(const Repository& repository, const SegmentId& id,
                         const std::vector<SegmentId>& supersedes) {
  const std::string path = supersedes_path(repository, id);
  if (path.empty()) return;
  std::string content(as_text(std::as_bytes(std::span(supersedes))));
  content += cache_check(repository, id.hex() + content);
  (void)replace_file(path, as_bytes(content));
}

std::vector<SegmentId> recall_supersedes(const Repository& repository, const SegmentId& id) {
  const std::string path = supersedes_path(repository, id);
  const auto file = path.empty() ? fail(ErrorCode::not_found, "no cache")
                                 : read_file(path, limits::kSegmentBytes);
  if (!file || file->size() < kCacheCheckSize) return {};
  const std::string_view content = as_text(*file).substr(0, file->size() - kCacheCheckSize);
  if (cache_check(repository, id.hex() + std::string(content)) !=
      as_text(*file).substr(content.size()))
    return {};
  std::vector<SegmentId> ids(content.size() / SegmentId::kSize);
  std::memcpy(ids.data(), content.data(), ids.size() * SegmentId::kSize);
  return ids;
}

void erase_all(std::vector<SegmentId>& from, const std::set<SegmentId>& what) {
  std::erase_if(from, [&](const SegmentId& id) { return what.contains(id); });
}

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

namespace {

// The first of `ids`, `at_a_time` of them.
std::vector<Result<Segment>> fetch_segments(const Repository& repository,
                                            std::span<const SegmentId> ids, std::size_t at_a_time) {
  std::vector<Result<Segment>> fetched(std::min(ids.size(), at_a_time));
  (void)for_each_parallel(fetched.size(), at_a_time, [&](std::size_t i) -> Result<void> {
    fetched[i] = fetch_segment(repository, ids[i]);
    return {};
  });
  return fetched;
}

// `again` is set if it was not a look at one state: segments vanished, or a run of the local index
// was found to be damaged.
Result<LoadedIndex> load_once(const Repository& repository, LocalIndex& index, bool& again) {
  LoadedIndex loaded;
  loaded.live = TRY(list_segments(repository));
  std::set<SegmentId> superseded;
  std::map<SegmentId, std::string> damaged;
  for (const SegmentId& id : loaded.live) {
    for (const SegmentId& old : recall_supersedes(repository, id)) superseded.insert(old);
  }
  erase_all(loaded.live, superseded);
  const std::vector<SegmentId> missing = TRY(index.missing(loaded.live));
  // Over a network several at a time; not all at once, for they take memory.
  const std::size_t at_a_time =
      std::max<std::size_t>(1, repository.storage().capabilities().parallel_gets);
  std::vector<Result<Segment>> fetched;
  for (std::size_t i = 0; i < missing.size(); ++i) {
    if (i % at_a_time == 0)
      fetched = fetch_segments(repository, std::span(missing).subspan(i), at_a_time);
    const SegmentId& id = missing[i];
    Result<Segment>& segment = fetched[i % at_a_time];
    if (!segment) {
      // Deleted since it was listed: another segment, perhaps not in this listing, has its packs.
      if (segment.error().code == ErrorCode::not_found) {
        again = true;
        std::erase(loaded.live, id);
        continue;
      }
      if (segment.error().code != ErrorCode::corrupt &&
          segment.error().code != ErrorCode::unsupported) {
        return fail(std::move(segment).error());
      }
      damaged.emplace(id, segment.error().message);
      std::erase(loaded.live, id);
      continue;
    }
    TRY(index.add(id, *segment));
    if (segment->supersedes.empty()) continue;
    remember_supersedes(repository, id, segment->supersedes);
    superseded.insert(segment->supersedes.begin(), segment->supersedes.end());
  }
  // Only what a segment that was read whole replaces is left out.
  erase_all(loaded.live, superseded);
  for (const auto& [id, what] : damaged) {
    if (!superseded.contains(id)) loaded.damaged.push_back(what);
  }
  if (!TRY(index.missing(loaded.live)).empty()) again = true;
  if (auto compacted = index.compact();
      !compacted && compacted.error().code != ErrorCode::no_space) {
    return fail(std::move(compacted).error());
  }
  return loaded;
}

}  // namespace

Result<LoadedIndex> load_index(const Repository& repository, LocalIndex& index) {
  constexpr int kLooks = 5;
  for (int look = 0; look < kLooks; ++look) {
    bool again = false;
    auto loaded = load_once(repository, index, again);
    if (!loaded || !again) return loaded;
  }
  return fail(ErrorCode::unavailable, "the index changes each time it is read: try again");
}

Result<LoadedIndex> load_index_to_read(const Repository& repository, LocalIndex& index) {
  LoadedIndex loaded = TRY(load_index(repository, index));
  auto distrusted = load_distrusted(repository);
  if (distrusted) {
    index.set_condemned(*std::move(distrusted));
  } else if (distrusted.error().code == ErrorCode::corrupt) {
    loaded.damaged.push_back(distrusted.error().message);
  } else if (distrusted.error().code != ErrorCode::not_found) {  // a log may vanish meanwhile
    return fail(std::move(distrusted).error());
  }
  return loaded;
}

Result<std::unordered_set<PackId>> load_condemned(const Repository& repository) {
  std::vector<ObjectName> logs;
  TRY(repository.storage().list(names::kCondemned, [&](const ObjectInfo& info) -> Result<void> {
    logs.push_back(info.name);
    return {};
  }));
  const auto messages = get_signed_once(repository, ObjectKind::condemned, names::kCondemned, logs);
  std::unordered_set<PackId> condemned;
  for (std::size_t i = 0; i < logs.size(); ++i) {
    if (!messages[i]) return fail(messages[i].error());
    const Condemned packs = TRY_IN(logs[i].text(), decode_condemned(as_bytes(*messages[i])));
    condemned.insert(packs.data_packs.begin(), packs.data_packs.end());
    condemned.insert(packs.tree_packs.begin(), packs.tree_packs.end());
  }
  return condemned;
}

Result<std::unordered_set<PackId>> load_distrusted(const Repository& repository) {
  auto packs = TRY(load_condemned(repository));
  packs.merge(known_damaged_packs(repository));
  return packs;
}

}  // namespace lagan
