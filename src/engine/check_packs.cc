// SPDX-License-Identifier: Apache-2.0
#include "src/engine/check_packs.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <random>

#include "repo/index_loader.h"
#include "repo/pack_reader.h"
#include "src/engine/segments.h"
#include "src/engine/verified_packs.h"
#include "util/parallel.h"

namespace lagan {
namespace {

// What was verified is written down so often while packs are read, and in the end.
constexpr Nanoseconds kRememberEvery = Nanoseconds{60} * 1'000'000'000;

// A collector at work moves packs from one segment to others; the third look must fit together.
constexpr int kLooks = 3;

// One look at segments and packs. Its findings are told only if it was consistent.
class IndexLook {
 public:
  IndexLook(const Repository& repository, const std::set<PackId>& condemned)
      : repository_(repository), condemned_(condemned) {}

  Result<CheckedIndex> look(bool with_cache);
  // Whether something was missing that a collector may just have replaced.
  Result<bool> is_outdated() const;
  void tell(CheckLog& log) const;

 private:
  Result<LocalIndex> read_segments();
  Result<LocalIndex> load_cached();
  Result<void> list_packs(ObjectKind kind, std::string_view prefix);
  Result<void> compare(CheckedIndex& checked);
  void note_unindexed(CheckedIndex& checked);
  void add(Severity severity, std::string where, std::string what) {
    findings_.push_back({severity, std::move(where), std::move(what)});
  }

  const Repository& repository_;
  const std::set<PackId>& condemned_;
  std::vector<SegmentId> segments_;
  std::unordered_set<PackId> dropped_;
  std::unordered_map<PackId, StoredPack> stored_;
  std::vector<Finding> findings_;
  std::vector<std::string> broken_;
  bool repair_index_ = false;
  bool misses_something_ = false;
};

Result<std::vector<SegmentId>> list_segment_ids(const Repository& repository,
                                                std::vector<ObjectName>* others) {
  std::vector<SegmentId> ids;
  TRY(repository.storage().list(names::kIndex, [&](const ObjectInfo& info) -> Result<void> {
    if (const auto id = names::id_of<SegmentId>(info.name)) {
      ids.push_back(*id);
    } else if (others != nullptr) {
      others->push_back(info.name);
    }
    return {};
  }));
  std::ranges::sort(ids);
  return ids;
}

Result<CheckedIndex> IndexLook::look(bool with_cache) {
  CheckedIndex checked(TRY(with_cache ? load_cached() : read_segments()));
  // Trees first: whoever writes stores data before the trees that need it.
  TRY(list_packs(ObjectKind::tree_pack, names::kTree));
  TRY(list_packs(ObjectKind::data_pack, names::kData));
  TRY(compare(checked));
  return checked;
}

Result<LocalIndex> IndexLook::load_cached() {
  LocalIndex index = TRY(open_local_index(repository_));
  const LoadedIndex loaded = TRY(load_index(repository_, index));
  for (const std::string& damaged : loaded.damaged) {
    add(Severity::error, damaged.substr(0, damaged.find(": ")),
        damaged.substr(damaged.find(": ") + 2));
    repair_index_ = true;
  }
  segments_ = TRY(list_segment_ids(repository_, nullptr));
  return index;
}

Result<LocalIndex> IndexLook::read_segments() {
  std::vector<ObjectName> others;
  segments_ = TRY(list_segment_ids(repository_, &others));
  for (const ObjectName& name : others)
    add(Severity::note, name.text(), "is none of lagan's objects");

  LocalIndex index = TRY(LocalIndex::open("", repository_.id()));
  std::vector<SegmentId> live = segments_;
  TRY(index.missing(live));
  std::unordered_set<SegmentId> superseded;
  std::vector<std::pair<SegmentId, std::string>> unreadable;
  for (const SegmentId& id : segments_) {
    const auto segment = fetch_segment(repository_, id);
    if (!segment) {
      if (ends_check(segment.error())) return fail(segment.error());
      const std::string where = names::segment(id).text();
      std::string what = segment.error().message;
      if (what.starts_with(where + ": ")) what.erase(0, where.size() + 2);
      unreadable.emplace_back(id, what);
      misses_something_ = misses_something_ || segment.error().code == ErrorCode::not_found;
      std::erase(live, id);
      continue;
    }
    superseded.insert(segment->supersedes.begin(), segment->supersedes.end());
    dropped_.insert(segment->dropped.begin(), segment->dropped.end());
    TRY(index.add(id, *segment));
  }
  for (const auto& [id, what] : unreadable) {
    if (superseded.contains(id)) continue;  // 'repair index' has put another in its place
    add(Severity::error, names::segment(id).text(), what);
    repair_index_ = true;
  }
  std::erase_if(live, [&](const SegmentId& id) { return superseded.contains(id); });
  TRY(index.missing(live));
  TRY(index.compact());
  return index;
}

Result<void> IndexLook::list_packs(ObjectKind kind, std::string_view prefix) {
  return repository_.storage().list(prefix, [&](const ObjectInfo& info) -> Result<void> {
    const auto id = names::id_of<PackId>(info.name);
    if (id && names::pack(kind, *id) == info.name) {
      stored_[*id] = {.name = *id, .kind = kind, .size = info.size_bytes, .is_indexed = false};
    } else {
      add(Severity::note, info.name.text(), "is none of lagan's objects");
    }
    return {};
  });
}

Result<void> IndexLook::compare(CheckedIndex& checked) {
  TRY(checked.index.for_each_pack([&](const LocalIndex::PackSummary& pack) -> Result<void> {
    const std::string name = names::pack(pack.kind, pack.name).text();
    const auto at = stored_.find(pack.name);
    const bool is_there = at != stored_.end() && at->second.kind == pack.kind;
    if (is_there) at->second.is_indexed = true;
    if (is_there && at->second.size == pack.size) return {};
    repair_index_ = true;
    broken_.push_back(name);
    checked.damage.pack_ends(pack.name, is_there ? at->second.size : 0);
    if (is_there) {
      add(Severity::error, name,
          fmt::format("has {} bytes instead of {}", at->second.size, pack.size));
    } else {
      misses_something_ = true;
      add(Severity::error, name, "is missing");
    }
    return {};
  }));
  checked.packs.reserve(stored_.size());
  for (const auto& [id, pack] : stored_) checked.packs.push_back(pack);
  std::ranges::sort(checked.packs, {}, &StoredPack::name);
  note_unindexed(checked);
  return {};
}

void IndexLook::note_unindexed(CheckedIndex& checked) {
  std::uint64_t bytes = 0;
  for (const StoredPack& pack : checked.packs) {
    if (pack.is_indexed || condemned_.contains(pack.name) || dropped_.contains(pack.name)) continue;
    ++checked.unindexed;
    bytes += pack.size;
  }
  if (checked.unindexed == 0) return;
  add(Severity::note, "packs",
      fmt::format("{} with {} bytes are in no index: a backup that runs or was interrupted",
                  checked.unindexed, bytes));
}

Result<bool> IndexLook::is_outdated() const {
  if (!misses_something_) return false;
  return TRY(list_segment_ids(repository_, nullptr)) != segments_;
}

void IndexLook::tell(CheckLog& log) const {
  for (const Finding& finding : findings_) log.add(finding.severity, finding.where, finding.what);
  for (const std::string& name : broken_) log.broken_pack(name);
  if (repair_index_) log.suggest_repair_index();
}

// What reading one pack has shown.
struct Verdict {
  std::vector<std::string> troubles;
  std::vector<ChunkId> damaged;
  bool index_is_wrong = false;
};

class PackExaminer {
 public:
  explicit PackExaminer(const Repository& repository) : repository_(repository) {}

  // `indexed` is null for a pack that no segment lists.
  Verdict examine(const StoredPack& pack, const PackEntry* indexed, ByteSpan bytes) {
    verdict_ = {};
    if (bytes.empty()) {
      verdict_.troubles.emplace_back("is empty");
    } else {
      check_directory(read_pack_directory(repository_.sealing(), repository_.storage(), pack.kind,
                                          pack.name, bytes.size(), bytes),
                      indexed);
    }
    if (indexed != nullptr) check_blocks(*indexed, bytes);
    return std::move(verdict_);
  }

  // Fetches no more than that of the pack. An error ends the check.
  Result<Verdict> examine_directory(const StoredPack& pack, const PackEntry& indexed) {
    verdict_ = {};
    const auto own = read_pack_directory(repository_.sealing(), repository_.storage(), pack.kind,
                                         pack.name, pack.size);
    if (!own && ends_check(own.error())) return fail(own.error());
    check_directory(own, &indexed);
    return std::move(verdict_);
  }

 private:
  void check_directory(const Result<PackEntry>& own, const PackEntry* indexed) {
    if (!own) {
      verdict_.troubles.push_back(own.error().message);
    } else if (indexed != nullptr && (own->header != indexed->header ||
                                      encode(own->directory) != encode(indexed->directory))) {
      verdict_.troubles.emplace_back("the index lists other blocks than the pack's directory");
      verdict_.index_is_wrong = true;
    }
  }

  void check_blocks(const PackEntry& indexed, ByteSpan bytes) {
    auto opener = PackOpener::open(repository_.sealing(), indexed.header);
    if (!opener) verdict_.troubles.push_back("the index: " + opener.error().message);
    std::uint64_t offset = kHeaderSize;
    std::size_t bad_blocks = 0;
    std::string first;
    for (std::uint32_t i = 0; i < indexed.directory.blocks.size(); ++i) {
      const Block& block = indexed.directory.blocks[i];
      const std::uint64_t end = offset + block.stored;
      Result<void> good = fail(ErrorCode::corrupt, "lies beyond the end of the pack");
      if (!opener) good = fail(opener.error());
      if (opener && end <= bytes.size())
        good = check_block(*opener, i, block, bytes.subspan(offset, block.stored));
      if (!good && bad_blocks++ == 0) first = fmt::format("block {}: {}", i, good.error().message);
      offset = end;
    }
    if (bad_blocks != 0)
      verdict_.troubles.push_back(fmt::format("{} of {} blocks are damaged: {}", bad_blocks,
                                              indexed.directory.blocks.size(), first));
  }

  Result<void> check_block(PackOpener& opener, std::uint32_t number, const Block& block,
                           ByteSpan sealed) {
    const auto raw = opener.open_block(number, block.nonce_tail, block.codec, block.raw, sealed);
    if (!raw) {
      verdict_.damaged.insert(verdict_.damaged.end(), block.ids.begin(), block.ids.end());
      return fail(raw.error());
    }
    Result<void> good;
    std::size_t at = 0;
    for (std::size_t i = 0; i < block.ids.size(); ++i) {
      auto verified = verify_chunk(repository_.bundle().keys.id_key, block.ids[i], block.kind,
                                   raw->span().subspan(at, block.lengths[i]));
      if (!verified) verdict_.damaged.push_back(block.ids[i]);
      if (!verified) good = std::move(verified);
      at += block.lengths[i];
    }
    return good;
  }

  const Repository& repository_;
  Verdict verdict_;
};

std::string name_of(const StoredPack& pack) { return names::pack(pack.kind, pack.name).text(); }

// A collection has deleted it since it was listed: no segment names it any more.
Result<bool> is_collected(const Repository& repository, const StoredPack& pack) {
  const auto info = repository.storage().stat(names::pack(pack.kind, pack.name));
  if (info || info.error().code != ErrorCode::not_found) return false;
  const SegmentSet segments = TRY(SegmentSet::read_what_is_whole(repository));
  return !segments.listed().contains(pack.name);
}

// What was changed on its way is right the second time.
Result<Verdict> look_twice(const Repository& repository, const StoredPack& pack, CheckLog& log,
                           const std::function<Result<Verdict>()>& look) {
  Verdict first = TRY(look());
  if (first.troubles.empty()) return first;
  Verdict second = TRY(look());
  if (second.troubles.empty())
    log.warning(name_of(pack), "read wrongly the first time, rightly the second");
  if (!second.troubles.empty() && TRY(is_collected(repository, pack))) {
    log.note(name_of(pack), "was collected while this check ran");
    return Verdict();
  }
  return second;
}

void tell(const StoredPack& pack, const Verdict& verdict, CheckLog& log) {
  if (verdict.troubles.empty()) return;
  const std::string what = fmt::format("{}", fmt::join(verdict.troubles, "; "));
  if (!pack.is_indexed) {
    log.warning(name_of(pack), what + " (nothing needs it)");
    return;
  }
  log.error(name_of(pack), what);
  log.broken_pack(name_of(pack));
  if (verdict.index_is_wrong) log.suggest_repair_index();
}

class PackCheck {
 public:
  PackCheck(const Repository& repository, const CheckOptions& options, Observer& observer,
            CheckLog& log, CheckedIndex& checked)
      : repository_(repository),
        options_(options),
        observer_(observer),
        log_(log),
        checked_(checked),
        remembered_(repository.now()) {}

  Result<void> read(const StoredPack& pack) {
    if (options_.is_stopped()) return fail(ErrorCode::cancelled, "interrupted");
    const Nanoseconds begun = repository_.now();
    std::optional<PackEntry> indexed;
    if (pack.is_indexed) indexed = TRY(checked_.index.pack_entry(pack.name));
    const PackEntry* entry = indexed ? &*indexed : nullptr;
    const auto look = [&] { return look_at(pack, entry); };
    const Verdict verdict = TRY(look_twice(repository_, pack, log_, look));
    tell(pack, verdict, log_);
    note(pack, verdict, begun);
    observer_.progress.bytes_done += pack.size;
    ++observer_.progress.files_done;
    return {};
  }

 private:
  Result<Verdict> look_at(const StoredPack& pack, const PackEntry* indexed) {
    Verdict unreadable;
    auto bytes = repository_.storage().get(names::pack(pack.kind, pack.name));
    if (bytes) return PackExaminer(repository_).examine(pack, indexed, *bytes);
    if (ends_check(bytes.error())) return fail(bytes.error());
    unreadable.troubles.push_back(bytes.error().message);
    if (indexed == nullptr) return unreadable;
    for (const Block& block : indexed->directory.blocks)
      unreadable.damaged.insert(unreadable.damaged.end(), block.ids.begin(), block.ids.end());
    return unreadable;
  }

  void note(const StoredPack& pack, const Verdict& verdict, Nanoseconds begun) {
    const MutexLock lock(mutex_);
    if (pack.is_indexed) checked_.damage.damaged_chunks(pack.name, verdict.damaged);
    const auto place = std::ranges::lower_bound(checked_.packs, pack.name, {}, &StoredPack::name);
    place->is_read = true;
    place->verified = verdict.troubles.empty() ? begun : 0;
    if (begun - remembered_ < kRememberEvery) return;
    remember_verified(repository_, checked_.packs);
    remembered_ = begun;
  }

  const Repository& repository_;
  const CheckOptions& options_;
  Observer& observer_;
  CheckLog& log_;
  CheckedIndex& checked_;
  Mutex mutex_;  // of what is checked
  Nanoseconds remembered_ GUARDED_BY(mutex_);
};

}  // namespace

Result<CheckedIndex> check_index(const Repository& repository, bool with_cache,
                                 const std::set<PackId>& condemned, CheckLog& log) {
  for (int looks = 1;; ++looks) {
    IndexLook attempt(repository, condemned);
    CheckedIndex checked = TRY(attempt.look(with_cache));
    if (looks < kLooks && TRY(attempt.is_outdated())) continue;
    attempt.tell(log);
    return checked;
  }
}

std::vector<StoredPack> choose(std::vector<StoredPack> packs, const ReadSubset& subset,
                               std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto keep_first = [&](std::size_t count) { packs.resize(std::min(count, packs.size())); };
  switch (subset.kind) {
    case ReadSubset::Kind::none:
      return {};
    case ReadSubset::Kind::all:
      break;
    case ReadSubset::Kind::part:
      // Names are hashes, so any eight bytes are spread evenly.
      std::erase_if(packs, [&](const StoredPack& pack) {
        return std::hash<PackId>()(pack.name) % subset.parts != subset.part - 1;
      });
      break;
    case ReadSubset::Kind::share: {
      std::ranges::shuffle(packs, random);
      const double count = std::ceil(subset.share * static_cast<double>(packs.size()));
      keep_first(static_cast<std::size_t>(count));
      break;
    }
    case ReadSubset::Kind::bytes: {
      std::ranges::shuffle(packs, random);
      std::uint64_t total = 0;
      std::size_t count = 0;
      while (count < packs.size() && total < subset.bytes) total += packs[count++].size;
      keep_first(count);
      break;
    }
  }
  return packs;
}

void put_oldest_first(std::vector<StoredPack>& packs, Nanoseconds too_recent) {
  std::erase_if(packs, [&](const StoredPack& pack) { return pack.verified > too_recent; });
  // Not the one of std::ranges, which clang 14 cannot compile.
  std::stable_sort(packs.begin(), packs.end(), [](const StoredPack& a, const StoredPack& b) {
    return a.verified < b.verified;
  });
}

Result<void> read_packs(const Repository& repository, const std::vector<StoredPack>& packs,
                        const CheckOptions& options, std::optional<Nanoseconds> end,
                        Observer& observer, CheckLog& log, CheckedIndex& checked) {
  if (packs.empty()) return {};
  observer.begin(Phase::packs);
  for (const StoredPack& pack : packs) observer.progress.bytes_total += pack.size;
  observer.progress.files_total = packs.size();
  PackCheck packs_check(repository, options, observer, log, checked);
  const auto done =
      for_each_parallel(packs.size(), options.threads, [&](std::size_t i) -> Result<void> {
        if (i != 0 && end && repository.now() >= *end) return {};
        return packs_check.read(packs[i]);
      });
  if (!packs.empty()) remember_verified(repository, checked.packs);
  return done;
}

Result<std::uint64_t> check_directories(const Repository& repository, const CheckOptions& options,
                                        CheckLog& log, const CheckedIndex& checked) {
  std::atomic<std::uint64_t> read = 0;
  const auto compare = [&](const StoredPack& pack) -> Result<void> {
    if (options.is_stopped()) return fail(ErrorCode::cancelled, "interrupted");
    if (!pack.is_indexed || pack.is_read) return {};
    const PackEntry indexed = TRY(checked.index.pack_entry(pack.name));
    if (indexed.size != pack.size) return {};  // has been told
    const auto look = [&] { return PackExaminer(repository).examine_directory(pack, indexed); };
    tell(pack, TRY(look_twice(repository, pack, log, look)), log);
    ++read;
    return {};
  };
  TRY(for_each_parallel(checked.packs.size(), options.threads,
                        [&](std::size_t i) { return compare(checked.packs[i]); }));
  return read.load();
}

}  // namespace lagan
