// SPDX-License-Identifier: Apache-2.0
#include "src/engine/recover.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "repo/derived_keys.h"
#include "repo/machine.h"
#include "repo/names.h"
#include "src/engine/forget.h"
#include "src/engine/open_sessions.h"
#include "src/engine/seen_snapshots.h"
#include "src/engine/snapshot_mender.h"

namespace lagan {
namespace {

using Fate = RecoveredSnapshot::Fate;

// As long as a collection waits for a session by default.
constexpr Nanoseconds kSilence = Nanoseconds{72} * 3600 * 1'000'000'000;

// The folder in the snapshot of found folders, and that snapshot's tag.
constexpr std::string_view kFolder = "recovered";

Entry folder_entry(std::string name) {
  Entry entry;
  entry.name = std::move(name);
  entry.kind = EntryKind::directory;
  entry.mode = 0700;
  return entry;
}

class Recover {
 public:
  Recover(const Repository& repository, const RecoverOptions& options)
      : repository_(repository), options_(options) {}

  Result<RecoverResult> run();

 private:
  Result<void> list();
  Result<void> find_records();
  Result<void> add_record(const ChunkId& id);
  Result<void> choose();
  Result<void> find_folders();
  Result<bool> is_of_running_session(const ChunkId& id);
  Result<void> put_snapshots();
  Result<void> put_folders();
  Result<std::optional<Subtree>> make_root(const ChunkSink& sink);
  Result<Subtree> measure(const ChunkId& folder);
  Result<std::vector<ChunkId>> chunks_of(ChunkKind kind) const;
  Result<void> check_stopped() const {
    if (options_.is_stopped()) return fail(ErrorCode::cancelled, "interrupted");
    return {};
  }

  const Repository& repository_;
  const RecoverOptions& options_;
  std::unique_ptr<SnapshotMender> mender_;
  SnapshotList list_;
  std::set<SnapshotId> present_, back_;  // under its own id, under another
  std::vector<SnapshotId> replaced_;     // now
  std::set<SessionId> open_;             // neither snapshot nor fence is there
  std::set<SessionId> running_;          // and it may still be at work
  std::set<SessionId> closed_;           // without a snapshot
  std::unordered_set<ChunkId> named_;    // folders
  std::vector<ChunkId> folders_;         // that nothing names
  std::unordered_map<PackId, SessionId> session_of_pack_;
  RecoverResult result_;
};

Result<RecoverResult> Recover::run() {
  if (options_.carry_out) TRY(repository_.check_writable());
  mender_ = TRY(SnapshotMender::open(repository_));
  TRY(list());
  TRY(find_records());
  TRY(choose());
  TRY(find_folders());
  if (options_.carry_out) {
    TRY(put_snapshots());
    TRY(put_folders());
  }
  return std::move(result_);
}

// After the index was loaded, and sessions before snapshots: whoever has put what is in the index
// was registered before, and has its snapshot there once it is done.
Result<void> Recover::list() {
  const SeenSnapshots seen(repository_);
  const ProcessIdentity here = this_process(repository_.bundle().keys.id_key);
  for (const SessionState& session : TRY(list_sessions(repository_))) {
    // It stays registered until a collection: without its snapshot it looks like one at work.
    if (!session.is_open() || seen.all().contains(session.id)) continue;
    open_.insert(session.id);
    const bool is_gone = session.message && is_known_gone(*session.message, here);
    const bool is_silent = session.last_sign && *session.last_sign + kSilence < repository_.now();
    if (!is_gone && !is_silent) running_.insert(session.id);
  }
  list_ = TRY(list_snapshots(repository_, Which::all, ReadFrom::storage));
  for (const StoredSnapshot& stored : list_.snapshots) {
    present_.insert(stored.id);
    if (stored.snapshot.root.id) named_.insert(*stored.snapshot.root.id);
    if (stored.snapshot.original && !stored.forgotten) back_.insert(*stored.snapshot.original);
  }
  std::set<SnapshotId> verified;
  TRY(repository_.storage().list(names::kSnapshots, [&](const ObjectInfo& info) -> Result<void> {
    std::string_view text = info.name.text();
    text.remove_prefix(names::kSnapshots.size());
    if (!text.ends_with(".ok")) return {};
    if (const auto id = SnapshotId::from_hex(text.substr(0, text.size() - 3))) verified.insert(*id);
    return {};
  }));
  return repository_.storage().list(names::kFences, [&](const ObjectInfo& info) -> Result<void> {
    const auto id = names::id_of<SnapshotId>(info.name);
    if (id && !verified.contains(*id)) closed_.insert(*id);
    return {};
  });
}

// Each once, in the order in which they lie in the packs.
Result<std::vector<ChunkId>> Recover::chunks_of(ChunkKind kind) const {
  std::vector<ChunkId> chunks;
  std::unordered_set<ChunkId> seen;
  TRY(mender_->index().for_each_chunk(
      [&](const ChunkId& id, const ChunkLocation& at) -> Result<void> {
        if (at.kind == kind && seen.insert(id).second) chunks.push_back(id);
        return {};
      }));
  return chunks;
}

Result<void> Recover::find_records() {
  for (const ChunkId& id : TRY(chunks_of(ChunkKind::root_record))) {
    TRY(check_stopped());
    TRY(add_record(id));
  }
  std::ranges::sort(result_.snapshots, [](const auto& a, const auto& b) {
    return std::tie(a.snapshot.time, a.id) < std::tie(b.snapshot.time, b.id);
  });
  return {};
}

Result<void> Recover::add_record(const ChunkId& id) {
  const auto bytes = mender_->reader().load(id, ChunkKind::root_record);
  if (!bytes && !is_loss(bytes.error())) return fail(bytes.error());
  auto snapshot = bytes ? decode_snapshot(*bytes) : fail(bytes.error());
  if (!snapshot) {
    result_.unreadable.push_back(
        fmt::format("root record {}: {}", id.short_hex(), snapshot.error().message));
    return {};
  }
  if (snapshot->root.id) named_.insert(*snapshot->root.id);
  const SnapshotId session = snapshot->session;
  const bool is_forgotten = list_.forgotten.contains(session);
  if (present_.contains(session) || (running_.contains(session) && !is_forgotten)) return {};
  if (back_.contains(session)) {
    // By an earlier run that was interrupted before it said so.
    if (!is_forgotten) replaced_.push_back(session);
    return {};
  }
  present_.insert(session);  // a second record of it is ignored
  RecoveredSnapshot found{.id = session, .snapshot = *std::move(snapshot)};
  found.losses = TRY(mender_->losses(found.snapshot));
  // One that was killed may have stored everything; then it is worth having.
  const bool is_unfinished = open_.contains(session) && !found.losses.empty();
  if (is_forgotten) {
    found.fate = Fate::forgotten;
  } else if (closed_.contains(session) || is_unfinished) {
    found.fate = Fate::unfinished;
  }
  result_.snapshots.push_back(std::move(found));
  return {};
}

Result<void> Recover::choose() {
  for (RecoveredSnapshot& found : result_.snapshots)
    found.is_chosen = options_.snapshots.empty() && found.fate == Fate::lost;
  for (const std::string& wanted : options_.snapshots) {
    std::size_t fitting = 0;
    for (RecoveredSnapshot& found : result_.snapshots) {
      if (wanted.empty() || !found.id.hex().starts_with(wanted)) continue;
      found.is_chosen = true;
      ++fitting;
    }
    if (fitting == 0) {
      return fail(ErrorCode::not_found,
                  fmt::format("no root record is of a lost snapshot {}", wanted));
    }
    if (fitting > 1) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("{} fits {} snapshots: write more of the id", wanted, fitting));
    }
  }
  return {};
}

// What a backup that is still at work has stored is named by its snapshot later on.
Result<bool> Recover::is_of_running_session(const ChunkId& id) {
  if (running_.empty()) return false;
  const auto at = mender_->index().find(id);
  if (!at) return false;
  auto known = session_of_pack_.find(at->pack);
  if (known == session_of_pack_.end()) {
    const PackEntry entry = TRY(mender_->index().pack_entry(at->pack));
    known = session_of_pack_.emplace(at->pack, entry.directory.session).first;
  }
  return running_.contains(known->second);
}

// Unless snapshots were asked for by name. What is condemned has been found to be needed by nobody.
Result<void> Recover::find_folders() {
  if (!options_.snapshots.empty()) return {};
  std::vector<ChunkId> nodes;
  for (const ChunkId& id : TRY(chunks_of(ChunkKind::directory))) {
    TRY(check_stopped());
    const auto bytes = mender_->reader().load(id, ChunkKind::directory);
    if (!bytes && !is_loss(bytes.error())) return fail(bytes.error());
    const auto node = bytes ? decode_directory(*bytes) : fail(bytes.error());
    if (!node) {
      result_.unreadable.push_back(
          fmt::format("folder {}: {}", id.short_hex(), node.error().message));
      continue;
    }
    for (const DirectoryChild& child : node->children) named_.insert(child.id);
    for (const std::string_view message : node->entries) {
      const auto note = [&](const ChunkId& named, ChunkKind kind) -> Result<void> {
        if (kind == ChunkKind::directory) named_.insert(named);
        return {};
      };
      static_cast<void>(for_each_reference(as_bytes(message), note));
    }
    if (mender_->index().contains(id)) nodes.push_back(id);
  }
  for (const ChunkId& id : nodes) {
    if (!named_.contains(id) && !TRY(is_of_running_session(id))) folders_.push_back(id);
  }
  result_.folders = folders_.size();
  return {};
}

Result<void> Recover::put_snapshots() {
  for (RecoveredSnapshot& found : result_.snapshots) {
    TRY(check_stopped());
    if (!found.is_chosen) continue;
    found.put_as = TRY(mender_->put_mended(found.id, found.snapshot));
    if (found.put_as && found.fate == Fate::lost) replaced_.push_back(found.id);
  }
  // Nobody misses them any longer, and what cannot be read of them may go.
  return forget(repository_, replaced_, "recovered");
}

Result<Subtree> Recover::measure(const ChunkId& folder) {
  Subtree subtree{folder};
  TRY(for_each_entry(mender_->reader().source(), folder,
                     [&](std::string_view message) -> Result<void> {
                       const auto entry = decode_entry(as_bytes(message));
                       if (entry && entry->kind == EntryKind::directory) {
                         subtree.dirs += 1 + entry->subtree.dirs;
                         subtree.files += entry->subtree.files;
                         subtree.content_bytes += entry->subtree.content_bytes;
                         return {};
                       }
                       ++subtree.files;
                       if (entry && entry->kind == EntryKind::file)
                         subtree.content_bytes += entry->size;
                       return {};
                     }));
  return subtree;
}

// Below one folder, each named by its id.
Result<std::optional<Subtree>> Recover::make_root(const ChunkSink& sink) {
  std::ranges::sort(folders_);
  Entry top = folder_entry(std::string(kFolder));
  DirectoryBuilder found(split_key(repository_), sink);
  for (const ChunkId& id : folders_) {
    TRY(check_stopped());
    const auto mended = TRY(mender_->mend({id}, sink));
    if (!mended || !mended->id) continue;
    Entry entry = folder_entry(id.hex());
    entry.subtree = mended->id == id ? TRY(measure(id)) : *mended;
    top.subtree.dirs += 1 + entry.subtree.dirs;
    top.subtree.files += entry.subtree.files;
    top.subtree.content_bytes += entry.subtree.content_bytes;
    TRY(found.add(entry.name, encode(entry)));
  }
  top.subtree.id = TRY(found.finish());
  DirectoryBuilder root(split_key(repository_), sink);
  TRY(root.add(top.name, encode(top)));
  const Subtree& below = top.subtree;
  return Subtree{TRY(root.finish()), below.files, below.dirs + 1, below.content_bytes};
}

Result<void> Recover::put_folders() {
  if (folders_.empty()) return {};
  Snapshot snapshot;
  snapshot.time = snapshot.started = snapshot.finished = repository_.now();
  snapshot.host = host_name();
  snapshot.paths = {"/" + std::string(kFolder)};
  snapshot.tags = {std::string(kFolder)};
  snapshot.program = program_name();
  result_.folders_put_as = TRY(
      mender_->put(std::move(snapshot), [this](const ChunkSink& sink) { return make_root(sink); }));
  return {};
}

}  // namespace

Result<RecoverResult> recover(const Repository& repository, const RecoverOptions& options) {
  return Recover(repository, options).run();
}

}  // namespace lagan
