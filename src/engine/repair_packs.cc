// SPDX-License-Identifier: Apache-2.0
#include "src/engine/repair_packs.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <unordered_set>

#include "repo/chunk_reader.h"
#include "repo/chunk_writer.h"
#include "repo/damaged_packs.h"
#include "repo/index_loader.h"
#include "repo/machine.h"
#include "repo/names.h"
#include "repo/pack_reader.h"
#include "repo/session.h"
#include "repo/snapshots.h"
#include "src/engine/chunk_search.h"
#include "src/engine/pack_salvage.h"
#include "src/engine/segments.h"

namespace lagan {
namespace {

class RepairPacks {
 public:
  RepairPacks(const Repository& repository, const RepairPacksOptions& options, Observer& observer)
      : repository_(repository), options_(options), observer_(observer) {}

  Result<RepairPacksResult> run();

 private:
  Result<void> begin();
  Result<std::set<PackId>> choose() const;
  Result<PackId> find(const std::string& wanted) const;
  Result<bool> is_unreadable_orphan(const PackId& id) const;
  Result<void> look_at(const PackId& id);
  Result<Salvage> salvage(const PackId& id, const EachSalvaged& each) const;
  Result<void> name_losses();
  Result<void> store_again();
  Result<void> condemn();
  Result<void> unlist();

  const Repository& repository_;
  const RepairPacksOptions& options_;
  Observer& observer_;
  std::optional<LocalIndex> index_;
  std::unique_ptr<WriterSession> session_;
  ListedPacks stored_;
  std::unordered_set<PackId> dropped_, condemned_;
  struct Damaged {
    std::uint64_t good_chunks = 0;
    bool is_kept = false;
  };
  std::map<PackId, Damaged> damaged_;
  std::unordered_set<PackId> whole_;
  std::unordered_set<ChunkId> bad_;
  RepairPacksResult result_;
};

Result<RepairPacksResult> RepairPacks::run() {
  TRY(begin());
  const auto work = [&]() -> Result<void> {
    for (const PackId& id : TRY(choose())) TRY(look_at(id));
    TRY(name_losses());
    if (!options_.carry_out || damaged_.empty()) return {};
    TRY(store_again());
    TRY(condemn());
    return unlist();
  };
  const auto done = work();
  // Its packs are judged by collections from now on; what snapshots need of them is marked.
  if (session_) TRY(session_->abandon());
  if (!done) return fail(done.error());
  std::unordered_set<PackId> still_damaged;
  for (const auto& [id, pack] : damaged_) {
    const bool is_replaced = options_.carry_out && !pack.is_kept;
    (is_replaced ? whole_ : still_damaged).insert(id);
  }
  remember_damaged_packs(repository_, still_damaged, whole_);
  return std::move(result_);
}

Result<void> RepairPacks::begin() {
  index_ = TRY(open_local_index(repository_));
  if (options_.carry_out)
    session_ = TRY(WriterSession::begin(repository_, *index_, Purpose::repair, host_name()));
  // All of these stop whoever would rely on what they do not say.
  const auto look = [&]() -> Result<void> {
    const SegmentSet segments = TRY(SegmentSet::read(repository_));
    dropped_ = segments.dropped();
    condemned_ = TRY(load_condemned(repository_));
    const LoadedIndex loaded = TRY(load_index(repository_, *index_));
    if (!loaded.damaged.empty()) return fail(ErrorCode::corrupt, loaded.damaged.front());
    stored_ = TRY(list_packs_twice(repository_));
    return {};
  };
  auto looked = look();
  if (!looked && session_) static_cast<void>(session_->abandon());
  return looked;
}

Result<PackId> RepairPacks::find(const std::string& wanted) const {
  const std::string_view digits = std::string_view(wanted).substr(wanted.rfind('/') + 1);
  std::vector<PackId> fitting;
  for (const auto& [id, pack] : stored_) {
    if (!digits.empty() && id.hex().starts_with(digits)) fitting.push_back(id);
  }
  if (fitting.size() == 1) return fitting.front();
  if (fitting.size() > 1) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} fits {} packs: write more of it", wanted, fitting.size()));
  }
  return fail(
      ErrorCode::not_found,
      fmt::format("there is no pack {}; 'lagan repair index' unlists those that are gone", wanted));
}

// Of an interrupted backup on a storage that left half of it, for example.
Result<bool> RepairPacks::is_unreadable_orphan(const PackId& id) const {
  if (index_->has_pack(id) || dropped_.contains(id) || condemned_.contains(id)) return false;
  const ListedPack& pack = stored_.at(id);
  const auto entry =
      read_pack_directory(repository_.sealing(), repository_.storage(), pack.kind, id, pack.size);
  if (!entry && entry.error().code == ErrorCode::corrupt) return true;
  if (!entry && entry.error().code != ErrorCode::not_found) return fail(entry.error());
  return false;
}

Result<std::set<PackId>> RepairPacks::choose() const {
  std::set<PackId> chosen;
  for (const std::string& wanted : options_.packs) chosen.insert(TRY(find(wanted)));
  if (!options_.packs.empty()) return chosen;
  const auto known = known_damaged_packs(repository_);
  for (const auto& [id, pack] : stored_) {
    if (index_->has_pack(id) ? options_.read_all || known.contains(id)
                             : TRY(is_unreadable_orphan(id))) {
      chosen.insert(id);
    }
  }
  TRY(index_->for_each_pack([&](const LocalIndex::PackSummary& pack) -> Result<void> {
    const auto at = stored_.find(pack.name);
    if (at != stored_.end() && at->second.size != pack.size) chosen.insert(pack.name);
    return {};
  }));
  return chosen;
}

Result<Salvage> RepairPacks::salvage(const PackId& id, const EachSalvaged& each) const {
  std::optional<PackEntry> indexed;
  if (index_->has_pack(id)) indexed = TRY(index_->pack_entry(id));
  const ListedPack& pack = stored_.at(id);
  return TRY_IN(names::pack(pack.kind, id).text(),
                salvage_pack(repository_, id, pack, indexed ? &*indexed : nullptr, each));
}

Result<void> RepairPacks::look_at(const PackId& id) {
  if (options_.is_stopped()) return fail(ErrorCode::cancelled, "interrupted");
  const EachSalvaged ignore = [](ChunkKind, ByteSpan) { return Result<void>(); };
  Salvage found = TRY(salvage(id, ignore));
  // What was changed on its way is right the second time.
  if (!found.troubles.empty()) found = TRY(salvage(id, ignore));
  const ListedPack& pack = stored_.at(id);
  const std::string name = names::pack(pack.kind, id).text();
  ++result_.packs_read;
  ++observer_.progress.files_done;
  observer_.progress.bytes_done += pack.size;
  const bool is_listed = index_->has_pack(id);
  // Somebody has put a good copy where one was given up.
  const bool is_back = dropped_.contains(id) && found.has_directory;
  if (is_back) found.troubles.emplace_back("was given up");
  if (found.troubles.empty()) {
    whole_.insert(id);
    return {};
  }
  if (!is_listed && found.has_directory && !is_back) {
    return fail(ErrorCode::invalid_argument,
                name + ": no segment lists it: run 'lagan repair index' first");
  }
  const bool is_kept = found.may_be_whole && !options_.give_up_unreadable;
  damaged_.emplace(id, Damaged{found.good_chunks, is_kept});
  bad_.insert(found.bad_chunks.begin(), found.bad_chunks.end());
  result_.damaged.push_back({.name = name,
                             .troubles = std::move(found.troubles),
                             .good_chunks = found.good_chunks,
                             .bad_chunks = found.bad_chunks.size(),
                             .is_readable = found.has_directory,
                             .is_kept = is_kept});
  return {};
}

// Which of the bad chunks have no other copy, and who needs them.
Result<void> RepairPacks::name_losses() {
  std::ranges::sort(result_.damaged, {}, &DamagedPack::name);
  std::unordered_set<PackId> damaged;
  for (const auto& [id, pack] : damaged_) damaged.insert(id);
  index_->set_condemned(damaged);
  WantedChunks lost;
  for (const ChunkId& id : bad_) {
    if (index_->contains(id)) continue;
    lost.add(id);
    ++result_.lost_chunks;
  }
  if (result_.lost_chunks == 0) return {};
  std::set<std::string> paths;
  std::string snapshot;
  const auto tell = [&](const std::string& path) {
    if (paths.insert(path).second)
      result_.affected.push_back(fmt::format("{}:{}", snapshot, path.empty() ? "/" : path));
  };
  const ChunkSearchVisitor visitor{
      .found = [&](const ChunkSearchVisitor::Found& found) -> Result<void> {
        tell(found.path);
        return {};
      },
      .trouble = [&](const std::string& path, const Error&) { tell(path); },
      .is_stopped = options_.is_stopped};
  ChunkReader reader(repository_, *index_);
  const ChunkSource source = reader.source();
  ChunkSearch search(source, lost, visitor);
  for (const StoredSnapshot& stored : TRY(list_snapshots(repository_)).snapshots) {
    snapshot = stored.id.short_hex();
    TRY(search.look_through(stored.snapshot));
  }
  return {};
}

// All that is good, also what has other copies: those may be damaged in their turn.
Result<void> RepairPacks::store_again() {
  LocalIndex written = TRY(LocalIndex::open("", repository_.id()));
  ChunkWriter writer(repository_, written, session_->id(), {.deduplicate = false});
  auto& lane = writer.make_data_lane();
  const EachSalvaged store = [&](ChunkKind kind, ByteSpan chunk) -> Result<void> {
    if (options_.is_stopped()) return fail(ErrorCode::cancelled, "interrupted");
    kind == ChunkKind::data ? TRY(lane.store(chunk)) : TRY(writer.store_tree(kind, chunk));
    ++result_.chunks_stored;
    result_.bytes_stored += chunk.size();
    return {};
  };
  for (const auto& [id, damaged] : damaged_) {
    // On a disk that is dying, what could be read before need not be read again.
    if (TRY(salvage(id, store)).good_chunks < damaged.good_chunks) {
      return fail(ErrorCode::io,
                  names::pack(stored_.at(id).kind, id).text() +
                      ": less of it could be read the second time: nothing was given up; copy the "
                      "repository to another disk and run this again");
    }
  }
  return writer.flush().map([](const auto&) {});
}

// G2. Whoever begins from here on relies on none of them.
Result<void> RepairPacks::condemn() {
  Condemned log;
  for (const auto& [id, pack] : damaged_) {
    if (pack.is_kept || condemned_.contains(id)) continue;
    (stored_.at(id).kind == ObjectKind::data_pack ? log.data_packs : log.tree_packs).push_back(id);
  }
  if (log.data_packs.empty() && log.tree_packs.empty()) return {};
  log.created = repository_.now();
  log.host = host_name();
  return repository_.put_signed(ObjectKind::condemned,
                                names::random_name(names::kCondemned, repository_.random_id()),
                                encode(log));
}

// G6, at once: whoever relies on what was good of them finds it in the new packs.
Result<void> RepairPacks::unlist() {
  IndexChange change;
  for (const auto& [id, pack] : damaged_) {
    if (!pack.is_kept && index_->has_pack(id)) change.drop.insert(id);
  }
  if (change.drop.empty()) return {};
  std::unordered_set<PackId> present;
  for (const auto& [id, pack] : TRY(list_packs_twice(repository_))) present.insert(id);
  const SegmentSet segments = TRY(SegmentSet::read(repository_));
  TRY(rewrite_index(repository_, segments, change, present));
  return {};
}

}  // namespace

Result<RepairPacksResult> repair_packs(const Repository& repository,
                                       const RepairPacksOptions& options, Observer& observer) {
  return RepairPacks(repository, options, observer).run();
}

Result<void> require_no_known_damage(const Repository& repository, const LocalIndex& index) {
  const auto known = known_damaged_packs(repository);
  if (known.empty()) return {};
  return index.for_each_pack([&](const LocalIndex::PackSummary& pack) -> Result<void> {
    if (!known.contains(pack.name)) return {};
    const ObjectName name = names::pack(pack.kind, pack.name);
    const auto info = repository.storage().stat(name);
    if (!info && info.error().code == ErrorCode::not_found) return {};  // gone, not damaged
    return fail(ErrorCode::corrupt,
                name.text() + ": is damaged, as a check has found: run 'lagan repair packs' first");
  });
}

}  // namespace lagan
