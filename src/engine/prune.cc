// SPDX-License-Identifier: Apache-2.0
#include "src/engine/prune.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <unordered_set>

#include "repo/chunk_writer.h"
#include "repo/index_loader.h"
#include "repo/limits.h"
#include "repo/names.h"
#include "repo/pack_reader.h"
#include "repo/snapshots.h"
#include "src/engine/collector_memory.h"
#include "src/engine/listed_packs.h"
#include "src/engine/live_chunks.h"
#include "src/engine/lost_snapshots.h"
#include "src/engine/open_sessions.h"
#include "src/engine/pack_usage.h"
#include "src/engine/repair_packs.h"
#include "src/engine/segments.h"

// The steps bear the names that they have in the protocol.

namespace lagan {
namespace {

constexpr Nanoseconds kSecond = 1'000'000'000;
constexpr std::uint64_t kDefaultUndeleteSeconds = 604'800;

// The storage's own clock, by an object that is put and removed. A heartbeat without a registration
// is no session to anybody. A storage that takes nothing, or lets nothing go, is found out by it
// before anything else is changed.
Result<Nanoseconds> storage_time(const Repository& repository) {
  const SessionId id{repository.random_id().bytes};
  const ObjectName name = names::heartbeat(id, 1);
  SessionMessage message;
  message.session = id;
  message.created = repository.now();
  message.beat = 1;
  const auto put = repository.put_body(ObjectKind::session, name, encode(message));
  if (!put && put.error().code == ErrorCode::permission) {
    return fail(ErrorCode::permission,
                "the storage takes no new objects, so nothing was pruned: " + put.error().message);
  }
  if (!put) return fail(put.error());
  const auto info = repository.storage().stat(name);
  const auto removed = repository.storage().remove(name);
  if (!removed && removed.error().code == ErrorCode::permission) {
    return fail(
        ErrorCode::permission,
        "the storage lets nothing be deleted, so nothing was pruned: " + removed.error().message);
  }
  if (!info) return fail(info.error());
  return info->modified.value_or(repository.now());
}

// What to do about a chunk that is needed and cannot be had.
Error advised(Error error) {
  if (error.code == ErrorCode::not_found) {
    error.message +=
        ": nothing is deleted before a backup has stored it again or 'lagan repair snapshots "
        "--forget' has made do without";
  } else if (error.code == ErrorCode::corrupt) {
    error.message +=
        ": nothing is deleted before 'lagan check --read-data' and 'lagan repair packs' have been "
        "run";
  }
  return error;
}

class Prune {
 public:
  Prune(const Repository& repository, const PruneOptions& options, Observer& observer)
      : repository_(repository),
        storage_(repository.storage()),
        options_(options),
        observer_(observer),
        memory_(repository),
        lost_(repository) {}

  Result<PruneResult> run();

 private:
  struct Wanted {
    ChunkId id;
    ChunkKind kind;
  };
  Result<void> sweep();
  Result<bool> bring_back(const std::vector<std::pair<PackId, ListedPack>>& doomed);
  Result<void> store_again(const LocalIndex& from, const std::vector<Wanted>& wanted);
  Result<void> survey();
  Result<void> require_listed_packs(const SegmentSet& segments, const ListedPacks& stored) const;
  Result<void> require_whole_packs(const ListedPacks& stored) const;
  Result<void> index_orphans(const SegmentSet& segments, const ListedPacks& stored);
  Result<void> read_logs_and_index();
  Result<void> list_roots();
  Result<void> mark();
  Result<PrunePlan> plan();
  Result<bool> belongs_to_open_session(const PackUsage& pack) const;
  Result<void> condemn(const PrunePlan& plan);
  Result<void> wait_for_sessions();
  Result<void> rescue();
  Result<std::size_t> rescue_once();
  Result<void> delete_expired();
  Result<void> drop();
  Result<void> check_stopped() const {
    if (options_.is_stopped()) return fail(ErrorCode::cancelled, "interrupted");
    return {};
  }
  Result<void> remove(const ObjectName& name) {
    auto removed = storage_.remove(name);
    if (removed || removed.error().code == ErrorCode::not_found) return {};
    if (removed.error().code != ErrorCode::permission) return removed;
    return fail(ErrorCode::permission,
                "the storage does not let it be deleted: " + removed.error().message);
  }
  bool is_expired(const std::optional<Nanoseconds>& forgotten) const {
    return forgotten && *forgotten + window_ <= storage_now_;
  }

  const Repository& repository_;
  Storage& storage_;
  const PruneOptions& options_;
  Observer& observer_;
  CollectorMemory memory_;
  LostSnapshots lost_;
  Nanoseconds window_ = 0, storage_now_ = 0;
  std::set<SessionId> not_judged_;            // sessions whose packs are not chosen
  std::optional<SegmentSet> found_segments_;  // when the run began
  std::optional<LocalIndex> index_;
  std::optional<LiveChunks> live_;
  SnapshotList list_;
  std::vector<StoredSnapshot> snapshots_;
  std::vector<SnapshotId> unreadable_;                     // forgotten, and past their window
  std::set<SnapshotId> known_;                             // from earlier looks of this run
  std::map<ObjectName, std::unordered_set<PackId>> logs_;  // C, log by log
  std::set<PackId> drop_;                                  // D, as far as nobody relies on it
  PruneResult result_;
};

Result<PruneResult> Prune::run() {
  TRY(repository_.check_writable());
  const std::uint64_t seconds =
      repository_.config().undelete_seconds.value_or(kDefaultUndeleteSeconds);
  window_ = options_.undelete_window.value_or(static_cast<Nanoseconds>(seconds) * kSecond);
  storage_now_ = options_.dry_run ? repository_.now() : TRY(storage_time(repository_));
  observer_.begin(Phase::mark);
  TRY(survey());
  observer_.begin(Phase::remove);
  TRY(sweep());
  const PrunePlan chosen = TRY(plan());
  if (options_.dry_run) {
    result_.snapshots_deleted = static_cast<std::uint64_t>(std::ranges::count_if(
        snapshots_, [&](const StoredSnapshot& each) { return is_expired(each.forgotten); }));
    return std::move(result_);
  }
  TRY(condemn(chosen));
  TRY(read_logs_and_index());  // only packs in none of the logs are surviving copies
  TRY(wait_for_sessions());
  observer_.begin(Phase::copy);
  TRY(rescue());
  observer_.begin(Phase::index);
  TRY(delete_expired());
  TRY(drop());
  return std::move(result_);
}

// G7, for earlier runs: what a live signed segment, present when this run began and read back
// whole, says was dropped, a log condemns and no live segment lists. After the survey: if something
// is damaged, what is about to go may be all that is left of it.
Result<void> Prune::sweep() {
  const SegmentSet& segments = *found_segments_;
  const auto condemned = TRY(load_condemned(repository_));
  const auto listed = segments.listed();
  const auto dropped = segments.dropped();
  const ListedPacks stored = TRY(list_packs(repository_));
  std::vector<std::pair<PackId, ListedPack>> doomed;
  for (const PackId& id : dropped) {
    const auto at = stored.find(id);
    if (at != stored.end() && !listed.contains(id) && condemned.contains(id))
      doomed.emplace_back(id, at->second);
  }
  if (live_ && !live_->missing().empty() && TRY(bring_back(doomed))) return {};
  for (const auto& [id, pack] : doomed) {
    TRY(check_stopped());
    if (!options_.dry_run) TRY(remove(names::pack(pack.kind, id)));
    ++result_.packs_deleted;
    result_.bytes_deleted += pack.size;
    observer_.progress.bytes_done += pack.size;
  }
  if (options_.dry_run) return {};
  for (const SegmentId& id : segments.replaced()) {
    TRY(remove(names::segment(id)));
    ++result_.segments_deleted;
  }
  return {};
}

// A snapshot has come back that was hidden when its packs were dropped. Those cannot be listed
// again, but what is missed of them can be stored again. True if there was any: as long as trees
// are missing it is not known what they name, so then nothing goes.
Result<bool> Prune::bring_back(const std::vector<std::pair<PackId, ListedPack>>& doomed) {
  Segment found;
  std::vector<Wanted> wanted;
  std::unordered_set<ChunkId> seen;
  for (const auto& [id, pack] : doomed) {
    TRY(check_stopped());
    auto entry = read_pack_directory(repository_.sealing(), storage_, pack.kind, id, pack.size);
    if (!entry) {
      const ErrorCode code = entry.error().code;
      if (code == ErrorCode::corrupt || code == ErrorCode::not_found) continue;
      return fail(std::move(entry).error());
    }
    bool is_missed = false;
    std::vector<Wanted> there;
    for (const Block& block : entry->directory.blocks) {
      for (const ChunkId& chunk : block.ids) {
        const bool is_missing = live_->missing().contains(chunk);
        is_missed = is_missed || is_missing;
        // With a tree those below it, which are in the same pack mostly.
        if ((is_missing || block.kind != ChunkKind::data) && !index_->contains(chunk))
          there.push_back({chunk, block.kind});
      }
    }
    if (!is_missed) continue;
    for (const Wanted& chunk : there) {
      if (seen.insert(chunk.id).second) wanted.push_back(chunk);
    }
    found.packs.push_back(*std::move(entry));
  }
  if (wanted.empty()) return false;
  LocalIndex dropped = TRY(LocalIndex::open("", repository_.id()));
  TRY(dropped.add(SegmentId{}, found));
  // What is damaged there is no help, and no reason to stop.
  ChunkReader reader(repository_, dropped);
  std::vector<Wanted> sound;
  for (const Wanted& chunk : wanted) {
    TRY(check_stopped());
    const auto loaded = reader.load(chunk.id, chunk.kind);
    if (loaded) sound.push_back(chunk);
    if (!loaded && loaded.error().code != ErrorCode::corrupt &&
        loaded.error().code != ErrorCode::not_found)
      return fail(loaded.error());
  }
  if (sound.empty()) return false;
  if (options_.dry_run) return true;
  TRY(store_again(dropped, sound));
  return true;
}

// G1, but for the choice.
Result<void> Prune::survey() {
  for (const SessionState& session : TRY(list_sessions(repository_))) {
    if (session.is_open()) not_judged_.insert(session.id);
  }
  const ListedPacks stored = TRY(list_packs_twice(repository_));
  found_segments_ = TRY(SegmentSet::read(repository_));
  TRY(index_orphans(*found_segments_, stored));
  SegmentSet segments = *found_segments_;
  if (result_.packs_indexed != 0 && !options_.dry_run)
    segments = TRY(SegmentSet::read(repository_));
  TRY(require_listed_packs(segments, stored));
  TRY(list_roots());
  TRY(mark());
  TRY(require_whole_packs(stored));
  TRY(require_no_known_damage(repository_, *index_));
  // Those that have come since, or have put a snapshot that was not marked.
  std::unordered_set<SessionId> marked;
  for (const StoredSnapshot& known : snapshots_) marked.insert(known.id);
  for (const SessionState& session : TRY(list_sessions(repository_))) {
    if (session.is_open() || (session.has_snapshot && !marked.contains(session.id)))
      not_judged_.insert(session.id);
  }
  return {};
}

// Listed packs are deleted by nobody, but they may have been added since the listing.
Result<void> Prune::require_listed_packs(const SegmentSet& segments,
                                         const ListedPacks& stored) const {
  const auto is_there = [&](const PackId& id, ObjectKind kind) {
    return storage_.stat(names::pack(kind, id)).has_value();
  };
  for (const PackId& id : segments.listed()) {
    if (stored.contains(id) || is_there(id, ObjectKind::data_pack) ||
        is_there(id, ObjectKind::tree_pack) || TRY(load_condemned(repository_)).contains(id))
      continue;
    return fail(ErrorCode::corrupt,
                fmt::format("pack {} is listed and not there: nothing is deleted before 'lagan "
                            "repair index' has been run",
                            id.hex()));
  }
  return {};
}

// Of two copies the one that is kept must not be the one that was cut short.
Result<void> Prune::require_whole_packs(const ListedPacks& stored) const {
  return index_->for_each_pack([&](const LocalIndex::PackSummary& pack) -> Result<void> {
    const auto at = stored.find(pack.name);
    if (at == stored.end() || at->second.size == pack.size) return {};
    return fail(ErrorCode::corrupt,
                fmt::format("pack {} has {} bytes and should have {}: nothing is deleted before "
                            "'lagan repair packs' has been run",
                            pack.name.hex(), at->second.size, pack.size));
  });
}

// Packs that an interrupted run left are listed, so that they can be judged like all others.
Result<void> Prune::index_orphans(const SegmentSet& segments, const ListedPacks& stored) {
  const auto listed = segments.listed(), dropped = segments.dropped();
  auto loaded = load_condemned(repository_);
  if (!loaded && loaded.error().code == ErrorCode::corrupt) {
    return fail(ErrorCode::corrupt,
                loaded.error().message +
                    ": nothing is deleted while it is there. If it is damaged, delete it by hand "
                    "while nobody else uses the repository");
  }
  const auto condemned = TRY(std::move(loaded));
  SegmentWriter writer(repository_);
  for (const auto& [id, pack] : stored) {
    if (listed.contains(id) || dropped.contains(id) || condemned.contains(id)) continue;
    TRY(check_stopped());
    const auto entry =
        read_pack_directory(repository_.sealing(), storage_, pack.kind, id, pack.size);
    if (!entry && entry.error().code == ErrorCode::not_found) continue;
    if (!entry && entry.error().code == ErrorCode::corrupt) {
      return fail(ErrorCode::corrupt,
                  fmt::format("{}: {}: nothing is deleted before 'lagan repair packs' has been run",
                              names::pack(pack.kind, id).text(), entry.error().message));
    }
    if (!entry) return fail(Error(entry.error()).in(names::pack(pack.kind, id).text()));
    if (not_judged_.contains(entry->directory.session)) continue;
    ++result_.packs_indexed;
    if (!options_.dry_run) TRY(writer.add(*entry));
  }
  return writer.finish();
}

// What was marked before counts no more.
Result<void> Prune::read_logs_and_index() {
  live_.reset();
  logs_.clear();
  std::vector<ObjectName> logs;
  TRY(storage_.list(names::kCondemned, [&](const ObjectInfo& info) -> Result<void> {
    logs.push_back(info.name);
    return {};
  }));
  std::unordered_set<PackId> condemned;
  for (const ObjectName& name : logs) {
    const std::string message =
        TRY(repository_.get_signed(ObjectKind::condemned, name, limits::kCondemnedBytes));
    const Condemned log = TRY_IN(name.text(), decode_condemned(as_bytes(message)));
    if (log.unknown_fields) {
      return fail(ErrorCode::unsupported, name.text() +
                                              ": was written by a later version, which "
                                              "must collect this repository");
    }
    auto& packs = logs_[name];
    packs.insert(log.data_packs.begin(), log.data_packs.end());
    packs.insert(log.tree_packs.begin(), log.tree_packs.end());
    condemned.insert(packs.begin(), packs.end());
  }
  if (!index_) index_ = TRY(open_local_index(repository_));
  index_->set_condemned(std::move(condemned));
  const LoadedIndex loaded = TRY(load_index(repository_, *index_));
  if (!loaded.damaged.empty()) return fail(ErrorCode::corrupt, loaded.damaged.front());
  return {};
}

// The snapshots that are there now. Forgotten ones count until their window is over.
Result<void> Prune::list_roots() {
  SnapshotList list = TRY(list_snapshots(repository_, Which::all));
  unreadable_.clear();
  for (const UnreadableSnapshot& snapshot : list.unreadable) {
    if (!is_expired(snapshot.forgotten)) {
      return fail(ErrorCode::corrupt,
                  fmt::format("{}: nothing is deleted before it is forgotten by its whole id and "
                              "its window is over; 'lagan recover' may find what it said",
                              snapshot.what));
    }
    unreadable_.push_back(snapshot.id);
  }
  if (!list.damaged_logs.empty()) {
    return fail(ErrorCode::corrupt,
                list.damaged_logs.front() +
                    ": nothing is deleted while it is there. If it is damaged, delete it by hand: "
                    "what it forgot shows again");
  }
  snapshots_ = list.snapshots;
  list_ = std::move(list);
  for (StoredSnapshot& stored : snapshots_) {
    if (!stored.forgotten && options_.as_if_forgotten.contains(stored.id))
      stored.forgotten = storage_now_;
  }
  // What was there in an earlier look must be there in this one, unless another collector has taken
  // it because it was forgotten: a short listing would cost data.
  std::set<SnapshotId> present;
  for (const StoredSnapshot& stored : snapshots_) present.insert(stored.id);
  for (const SnapshotId& id : known_) {
    if (!present.contains(id) && !list_.forgotten.contains(id)) {
      return fail(
          ErrorCode::unavailable,
          fmt::format("snapshot {} is no longer listed: nothing is deleted; run prune again",
                      id.short_hex()));
    }
  }
  known_ = std::move(present);
  return {};
}

// What a snapshot needs was listed before it was put: so the index is loaded after the snapshots.
Result<void> Prune::mark() {
  TRY(read_logs_and_index());
  live_.emplace(repository_, *index_);
  result_.warnings.clear();
  result_.snapshots_in_window = 0;
  std::vector<StoredSnapshot> roots;
  for (const StoredSnapshot& stored : snapshots_) {
    if (is_expired(stored.forgotten)) continue;
    if (stored.forgotten) ++result_.snapshots_in_window;
    roots.push_back(stored);
  }
  std::vector<StoredSnapshot> closed = TRY(lost_.find(*index_, list_));
  std::erase_if(closed, [&](const StoredSnapshot& each) { return is_expired(each.forgotten); });
  auto marked = live_->mark(roots, result_.warnings, options_.is_stopped);
  std::vector<std::string> what_they_miss;  // nobody was promised that they are whole
  if (marked) marked = live_->mark(closed, what_they_miss, options_.is_stopped);
  for (const StoredSnapshot& stored : closed) {
    result_.warnings.push_back(
        fmt::format("snapshot {} of {} was never put, or is hidden: what it needs is kept for a "
                    "while; 'lagan recover' brings it back",
                    stored.id.short_hex(), stored.snapshot.host));
  }
  if (marked) return {};
  if (index_->damaged())
    return fail(ErrorCode::unavailable, "the local index is damaged: try again");
  return fail(advised(std::move(marked).error()));
}

// The choice of G1.
Result<PrunePlan> Prune::plan() {
  std::unordered_set<PackId> condemned;
  for (const auto& [log, packs] : logs_) condemned.insert(packs.begin(), packs.end());
  std::vector<PackUsage> judged;
  for (PackUsage& pack : TRY(count_pack_usage(*index_, *live_))) {
    ++result_.packs;
    result_.total_bytes += pack.size;
    if (condemned.contains(pack.name)) {
      if (options_.dry_run) ++result_.packs_waiting;
      continue;
    }
    result_.needed_bytes += pack.needed_bytes;
    if (!TRY(belongs_to_open_session(pack))) judged.push_back(std::move(pack));
  }
  PrunePlan plan = plan_prune(std::move(judged), options_.limits);
  result_.packs_dead = plan.dead.size();
  result_.packs_sparse = plan.repack.size();
  result_.bytes_freed = plan.freed_bytes;
  result_.bytes_to_repack = plan.repacked_bytes;
  return plan;
}

// Such a pack may hold what the snapshot of its session will need. Large ones that are needed whole
// are not asked about: nobody would choose them.
Result<bool> Prune::belongs_to_open_session(const PackUsage& pack) const {
  const bool is_whole = pack.needed_chunks == pack.chunks && pack.size > (4U << 20);
  if (is_whole || not_judged_.empty()) return false;
  const PackEntry entry = TRY(index_->pack_entry(pack.name));
  return not_judged_.contains(entry.directory.session);
}

// G2.
Result<void> Prune::condemn(const PrunePlan& plan) {
  Condemned log;
  for (const auto* chosen : {&plan.dead, &plan.repack}) {
    for (const PackUsage& pack : *chosen)
      (pack.kind == ObjectKind::data_pack ? log.data_packs : log.tree_packs).push_back(pack.name);
  }
  if (!log.data_packs.empty() || !log.tree_packs.empty()) {
    log.created = repository_.now();
    log.host = host_name();
    TRY(repository_.put_signed(ObjectKind::condemned,
                               names::random_name(names::kCondemned, repository_.random_id()),
                               encode(log)));
  }
  return {};
}

// G3 and G4. A log holds back its packs while a session is open that was open when the log was
// seen first: it may have listed the logs before.
Result<void> Prune::wait_for_sessions() {
  const auto sessions = TRY(list_sessions(repository_));
  const std::set<SessionId> open = TRY(close_dead_sessions(
      repository_, sessions, options_.fence_after, storage_now_, result_.sessions_fenced));
  result_.sessions_open = open.size();
  std::unordered_set<PackId> ready, waiting;
  std::set<ObjectName> names;
  for (const auto& [name, packs] : logs_) {
    names.insert(name);
    auto waits_for = memory_.waits_for(name);
    if (!waits_for) memory_.remember(name, open);
    const auto& relied_on = waits_for ? *waits_for : open;
    const bool is_ready =
        std::ranges::none_of(relied_on, [&](const SessionId& id) { return open.contains(id); });
    (is_ready ? ready : waiting).insert(packs.begin(), packs.end());
  }
  memory_.save(names);
  return index_->for_each_pack([&](const LocalIndex::PackSummary& pack) -> Result<void> {
    if (ready.contains(pack.name)) {
      drop_.insert(pack.name);
      ++result_.packs_dropped;
      result_.bytes_dropped += pack.size;
    } else if (waiting.contains(pack.name)) {
      ++result_.packs_waiting;
    }
    return {};
  });
}

// G5: until a whole pass, with everything listed anew, finds nothing to store again.
Result<void> Prune::rescue() {
  do {
    TRY(check_stopped());
    TRY(list_roots());
    if (drop_.empty()) return {};
    TRY(mark());
  } while (TRY(rescue_once()) != 0);
  return {};
}

Result<std::size_t> Prune::rescue_once() {
  std::vector<Wanted> wanted;
  std::unordered_set<ChunkId> seen;
  for (const PackId& id : drop_) {
    auto pack = index_->pack_entry(id);
    if (!pack && pack.error().code == ErrorCode::not_found) continue;  // another collector was here
    if (!pack) return fail(std::move(pack).error());
    for (const Block& block : pack->directory.blocks) {
      for (const ChunkId& chunk : block.ids) {
        const bool is_lost = live_->is_live(chunk) && !index_->contains(chunk);
        if (is_lost && seen.insert(chunk).second) wanted.push_back({chunk, block.kind});
      }
    }
  }
  // Lookups do not tell what is nowhere from what could not be read.
  if (index_->damaged()) return fail(ErrorCode::corrupt, "the local index is damaged: try again");
  if (wanted.empty()) return 0;
  TRY(store_again(*index_, wanted));
  return wanted.size();
}

Result<void> Prune::store_again(const LocalIndex& from, const std::vector<Wanted>& wanted) {
  LocalIndex written = TRY(LocalIndex::open("", repository_.id()));
  const SessionId session{repository_.random_id().bytes};
  ChunkWriter writer(repository_, written, session, options_.writer);
  ChunkReader reader(repository_, from);
  auto& lane = writer.make_data_lane();
  for (const Wanted& chunk : wanted) {
    TRY(check_stopped());
    const auto loaded = reader.load(chunk.id, chunk.kind);
    if (!loaded) return fail(advised(loaded.error()));
    const Bytes& bytes = *loaded;
    chunk.kind == ChunkKind::data ? TRY(lane.store(bytes))
                                  : TRY(writer.store_tree(chunk.kind, bytes));
    result_.bytes_rescued += bytes.size();
    observer_.progress.bytes_done += bytes.size();
  }
  TRY(writer.flush());
  result_.chunks_rescued += wanted.size();
  return {};
}

// Forgotten snapshots past the window: their sessions first, they themselves before any pack that
// only they need.
Result<void> Prune::delete_expired() {
  const auto sessions = TRY(list_sessions(repository_));
  TRY(remove_closed_sessions(repository_, sessions, storage_now_));
  std::vector<SnapshotId> expired = unreadable_;
  for (const StoredSnapshot& stored : snapshots_) {
    if (is_expired(stored.forgotten)) expired.push_back(stored.id);
  }
  for (const SnapshotId& id : expired) {
    TRY(remove(names::snapshot(id)));
    TRY(remove(names::verified(id)));
    ++result_.snapshots_deleted;
  }
  return {};
}

// G6.
Result<void> Prune::drop() {
  const SegmentSet segments = TRY(SegmentSet::read(repository_));
  const ListedPacks stored = TRY(list_packs_twice(repository_));
  std::unordered_set<PackId> present;
  for (const auto& [id, pack] : stored) present.insert(id);
  TRY(rewrite_index(repository_, segments, {.drop = drop_, .gone = {}, .replace = {}}, present));
  return {};
}

}  // namespace

Result<PruneResult> prune(const Repository& repository, const PruneOptions& options,
                          Observer& observer) {
  return Prune(repository, options, observer).run();
}

}  // namespace lagan
