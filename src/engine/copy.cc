// SPDX-License-Identifier: Apache-2.0
#include "src/engine/copy.h"

#include <algorithm>
#include <thread>
#include <tuple>

#include "repo/index_loader.h"
#include "repo/session.h"
#include "src/engine/chunk_copier.h"
#include "src/engine/seen_snapshots.h"
#include "src/engine/tree_repair.h"
#include "src/engine/tree_translator.h"

namespace lagan {
namespace {

std::size_t thread_count(const CopyOptions& options) {
  if (options.threads != 0) return options.threads;
  return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 2, 8);
}

// A copy bears the id of the first one, wherever that was.
SnapshotId first_id(const StoredSnapshot& stored) {
  return stored.snapshot.original.value_or(stored.id);
}

auto described(const Snapshot& snapshot) {
  return std::tie(snapshot.time, snapshot.host, snapshot.user, snapshot.uid, snapshot.gid,
                  snapshot.paths, snapshot.tags, snapshot.excludes, snapshot.label,
                  snapshot.root.files, snapshot.root.dirs, snapshot.root.content_bytes);
}

class Copy {
 public:
  Copy(const Repository& from, const Repository& to, const CopyOptions& options, Observer& observer)
      : from_(from), to_(to), options_(options), observer_(observer) {}

  Result<CopyResult> run(const std::vector<StoredSnapshot>& snapshots, const EachCopied& each);

 private:
  Result<void> prepare();
  Result<void> load_source();
  std::optional<SnapshotId> find_copy(const StoredSnapshot& stored) const;
  Result<std::optional<SnapshotId>> copy(const StoredSnapshot& stored);
  Result<Snapshot> store_following_moves(const StoredSnapshot& stored, const SessionId& session,
                                         ChunkWriter& writer);
  Result<Snapshot> store(const StoredSnapshot& stored, const SessionId& session,
                         ChunkWriter& writer);
  Result<bool> estimate(const StoredSnapshot& stored);
  void tell(const StoredSnapshot& stored, const Error& error);
  void count(const ChunkWriterTotals& totals);

  const Repository& from_;
  const Repository& to_;
  const CopyOptions& options_;
  Observer& observer_;
  std::optional<LocalIndex> from_index_, to_index_;
  SnapshotList there_;
  std::optional<IdMap> ids_;  // none: siblings
  std::optional<ChunkCopier> chunks_;
  std::optional<std::size_t> condemned_;  // as the last session saw it
  CopyResult result_;
};

Result<void> Copy::prepare() {
  if (from_.id() == to_.id()) {
    return fail(ErrorCode::invalid_argument,
                "source and destination are the same repository: name two");
  }
  if (!options_.dry_run) TRY(to_.check_writable());
  observer_.begin(Phase::index);
  from_index_ = TRY(open_local_index(from_));
  TRY(load_source());
  to_index_ = TRY(open_local_index(to_));
  if (options_.dry_run) TRY(load_index_to_read(to_, *to_index_));
  // A damaged one is put again.
  there_ = TRY(list_snapshots(to_, Which::remembered, ReadFrom::storage));
  result_.are_siblings = are_siblings(from_, to_);
  if (!result_.are_siblings) ids_ = TRY(IdMap::create());
  chunks_.emplace(from_, *from_index_, to_, ids_ ? &*ids_ : nullptr, thread_count(options_),
                  options_.is_stopped, observer_);
  return {};
}

Result<void> Copy::load_source() {
  const LoadedIndex loaded = TRY(load_index_to_read(from_, *from_index_));
  for (const std::string& damaged : loaded.damaged) observer_.note("source: " + damaged);
  return {};
}

Result<CopyResult> Copy::run(const std::vector<StoredSnapshot>& snapshots, const EachCopied& each) {
  TRY(prepare());
  for (const StoredSnapshot& stored : snapshots) {
    if (options_.is_stopped()) return fail(ErrorCode::cancelled, "interrupted");
    if (const auto there = find_copy(stored)) {
      ++result_.already_there;
      each(stored, CopyOutcome::already_there, there);
    } else if (options_.dry_run) {
      const bool is_readable = TRY(estimate(stored));
      ++(is_readable ? result_.copied : result_.unreadable);
      each(stored, is_readable ? CopyOutcome::copied : CopyOutcome::unreadable, std::nullopt);
    } else {
      const auto made = TRY(copy(stored));
      ++(made ? result_.copied : result_.unreadable);
      each(stored, made ? CopyOutcome::copied : CopyOutcome::unreadable, made);
    }
  }
  return std::move(result_);
}

// A copy that nobody has proved whole is none.
std::optional<SnapshotId> Copy::find_copy(const StoredSnapshot& stored) const {
  const auto is_copy = [&](const StoredSnapshot& there) {
    return there.verified && first_id(there) == first_id(stored) &&
           described(there.snapshot) == described(stored.snapshot) &&
           (ids_ || there.snapshot.root.id == stored.snapshot.root.id);
  };
  const auto found = std::ranges::find_if(there_.snapshots, is_copy);
  if (found == there_.snapshots.end()) return std::nullopt;
  return found->id;
}

Result<bool> Copy::estimate(const StoredSnapshot& stored) {
  observer_.begin(Phase::mark);
  const auto marked =
      chunks_->mark(stored.snapshot, [this](const ChunkId& id) { return to_index_->contains(id); });
  if (marked) {
    result_.bytes += marked->bytes;
    return true;
  }
  if (!is_loss(marked.error())) return fail(marked.error());
  TRY(chunks_->forget());
  tell(stored, marked.error());
  return false;
}

Result<std::optional<SnapshotId>> Copy::copy(const StoredSnapshot& stored) {
  auto session = TRY(WriterSession::begin(to_, *to_index_, Purpose::copy, options_.host));
  for (const std::string& damaged : session->loaded().damaged) observer_.note("index: " + damaged);
  // What was there for the last snapshot may lie in packs that are to go now.
  if (session->condemned() != condemned_) TRY(chunks_->forget());
  condemned_ = session->condemned();

  std::optional<ChunkWriter> writer;
  writer.emplace(to_, *to_index_, session->id(), options_.writer);
  const auto snapshot = store_following_moves(stored, session->id(), *writer);
  if (!snapshot) {
    // What was copied is worth keeping; and if that fails it is the destination that has failed.
    const auto kept = writer->flush();
    writer.reset();
    (void)session->abandon();
    if (!kept) return fail(kept.error());
    if (!is_loss(snapshot.error())) return fail(snapshot.error());
    TRY(chunks_->forget());
    tell(stored, snapshot.error());
    return std::nullopt;
  }
  count(writer->totals());
  writer.reset();
  TRY(session->commit(*snapshot, options_.writer));
  SeenSnapshots::note(to_, session->id());
  return session->id();
}

// A collector of the source may have moved what is needed into other packs meanwhile.
Result<Snapshot> Copy::store_following_moves(const StoredSnapshot& stored, const SessionId& session,
                                             ChunkWriter& writer) {
  auto snapshot = store(stored, session, writer);
  if (snapshot || snapshot.error().code != ErrorCode::not_found) return snapshot;
  TRY(chunks_->forget());
  TRY(load_source());
  return store(stored, session, writer);
}

// Everything the snapshot needs, durable, and how it is called here.
Result<Snapshot> Copy::store(const StoredSnapshot& stored, const SessionId& session,
                             ChunkWriter& writer) {
  observer_.begin(Phase::mark);
  const auto marked =
      TRY(chunks_->mark(stored.snapshot, [&](const ChunkId& id) { return writer.knows(id); }));
  observer_.begin(Phase::copy);
  observer_.progress.files_total = marked.chunks;
  observer_.progress.bytes_total = marked.bytes;
  TRY(chunks_->copy(writer));
  Snapshot snapshot = stored.snapshot;
  if (ids_) {
    observer_.begin(Phase::trees);
    TreeTranslator translator(from_, *from_index_, to_, *ids_, writer.tree_sink(),
                              options_.is_stopped);
    snapshot.root = TRY(translator.translate(stored.snapshot.root));
  }
  observer_.begin(Phase::commit);
  result_.bytes += marked.bytes;
  snapshot.session = session;
  snapshot.original = first_id(stored);
  snapshot.parents.clear();
  snapshot.root_record.reset();
  TRY(writer.settle());
  if (writer.has_stored()) snapshot.root_record = TRY(writer.flush(encode_root_record(snapshot)));
  return snapshot;
}

void Copy::tell(const StoredSnapshot& stored, const Error& error) {
  ++observer_.progress.errors;
  observer_.trouble("snapshot " + stored.id.short_hex(), error);
}

void Copy::count(const ChunkWriterTotals& totals) {
  result_.data_chunks += totals.data_chunks;
  result_.tree_chunks += totals.tree_chunks;
  result_.stored_bytes += totals.pack_bytes + totals.index_bytes;
}

}  // namespace

bool are_siblings(const Repository& a, const Repository& b) {
  return std::ranges::equal(a.bundle().keys.id_key.span(), b.bundle().keys.id_key.span());
}

Result<CopyResult> copy_snapshots(const Repository& from, const Repository& to,
                                  const std::vector<StoredSnapshot>& snapshots,
                                  const CopyOptions& options, Observer& observer,
                                  const EachCopied& each) {
  return Copy(from, to, options, observer).run(snapshots, each);
}

}  // namespace lagan
