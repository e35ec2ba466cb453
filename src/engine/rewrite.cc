// SPDX-License-Identifier: Apache-2.0
#include "src/engine/rewrite.h"

#include <fmt/format.h>

#include <algorithm>

#include "repo/chunk_reader.h"
#include "repo/derived_keys.h"
#include "repo/index_loader.h"
#include "repo/machine.h"
#include "repo/pack_reader.h"
#include "repo/rescue.h"
#include "repo/session.h"
#include "src/engine/forget.h"
#include "src/engine/seen_snapshots.h"
#include "src/engine/tree_rewriter.h"

namespace lagan {
namespace {

// Without it nobody could tell the new one from the old one, which stays.
const std::string kTag = "rewrite";

void add_once(std::vector<std::string>& list, const std::string& text) {
  if (std::ranges::find(list, text) == list.end()) list.push_back(text);
}

class Rewrite {
 public:
  Rewrite(const Repository& repository, const SnapshotList& list, const RewriteOptions& options,
          RewriteFilter filter, LocalIndex index, Observer& observer)
      : repository_(repository),
        list_(list),
        options_(options),
        filter_(std::move(filter)),
        index_(std::move(index)),
        reader_(repository, index_),
        observer_(observer) {}

  // Nothing if it stays as it is.
  Result<std::optional<RewrittenSnapshot>> rewrite(const StoredSnapshot& old);

 private:
  Snapshot described(const StoredSnapshot& old, const Subtree& root) const;
  std::optional<SnapshotId> find_done(const Snapshot& snapshot) const;
  Result<SnapshotId> put(const StoredSnapshot& old, Snapshot snapshot);
  Result<Snapshot> store(const StoredSnapshot& old, Snapshot snapshot);
  Result<std::optional<Subtree>> rewrite_tree(const Subtree& root, ChunkSink sink,
                                              Observer* observer, Subtree& removed);

  const Repository& repository_;
  const SnapshotList& list_;
  const RewriteOptions& options_;
  const RewriteFilter filter_;
  LocalIndex index_;
  ChunkReader reader_;
  Observer& observer_;
};

Result<std::optional<RewrittenSnapshot>> Rewrite::rewrite(const StoredSnapshot& old) {
  // First without a session: one that finds nothing to do would leave its fence for ever.
  const ChunkSink nowhere = [this](ChunkKind kind, ByteSpan plaintext) -> Result<ChunkId> {
    return chunk_id(repository_.bundle().keys.id_key, kind, plaintext);
  };
  RewrittenSnapshot done;
  const auto root = TRY(rewrite_tree(old.snapshot.root, nowhere, &observer_, done.removed));
  if (root && !root->id) {
    observer_.note(fmt::format(
        "snapshot {}: nothing would be left of it, so it stays; to be rid of it, forget it",
        old.id.short_hex()));
    return std::nullopt;
  }
  Snapshot snapshot = described(old, root.value_or(old.snapshot.root));
  const bool is_changed =
      root || snapshot.host != old.snapshot.host || snapshot.time != old.snapshot.time;
  if (!is_changed) return std::nullopt;
  if (options_.dry_run) return done;
  done.snapshot = find_done(snapshot);
  if (!done.snapshot) done.snapshot = TRY(put(old, std::move(snapshot)));
  if (options_.forget) TRY(forget(repository_, {old.id}, "replaced by " + done.snapshot->hex()));
  return done;
}

Snapshot Rewrite::described(const StoredSnapshot& old, const Subtree& root) const {
  Snapshot snapshot = old.snapshot;
  snapshot.root = root;
  snapshot.summary.bytes_processed = root.content_bytes;
  if (!snapshot.original) snapshot.original = old.id;
  if (options_.host) snapshot.host = *options_.host;
  if (options_.time) {
    snapshot.time = *options_.time;
    snapshot.utc_offset_minutes = utc_offset_minutes(snapshot.time);
  }
  if (!options_.forget) add_once(snapshot.tags, kTag);
  for (const PatternFlag& pattern : options_.excludes) {
    if (!pattern.is_file) add_once(snapshot.excludes, pattern.text);
  }
  return snapshot;
}

// By an earlier run, perhaps one that was interrupted before it could forget the old one.
std::optional<SnapshotId> Rewrite::find_done(const Snapshot& snapshot) const {
  const auto is_same = [&](const StoredSnapshot& there) {
    return there.verified && there.snapshot.original == snapshot.original &&
           there.snapshot.root.id == snapshot.root.id && there.snapshot.host == snapshot.host &&
           there.snapshot.time == snapshot.time;
  };
  const auto found = std::ranges::find_if(list_.snapshots, is_same);
  if (found == list_.snapshots.end()) return std::nullopt;
  return found->id;
}

Result<SnapshotId> Rewrite::put(const StoredSnapshot& old, Snapshot snapshot) {
  auto session = TRY(WriterSession::begin(repository_, index_, Purpose::rewrite, host_name()));
  snapshot.session = session->id();
  const auto stored = store(old, std::move(snapshot));
  if (!stored) {
    (void)session->abandon();
    return fail(stored.error());
  }
  TRY(session->commit(*stored, options_.writer));
  SeenSnapshots::note(repository_, session->id());
  return session->id();
}

// Whatever the snapshot needs, durable and outside condemned packs.
Result<Snapshot> Rewrite::store(const StoredSnapshot& old, Snapshot snapshot) {
  if (snapshot.root.id != old.snapshot.root.id) {
    // The writer extends the index it is given: read from one of its own.
    LocalIndex written = TRY(LocalIndex::open("", repository_.id()));
    ChunkWriter writer(repository_, written, snapshot.session, options_.writer);
    const ChunkSink sink = [&](ChunkKind kind, ByteSpan plaintext) -> Result<ChunkId> {
      const ChunkId id = chunk_id(repository_.bundle().keys.id_key, kind, plaintext);
      if (index_.contains(id)) return id;
      return writer.store_tree(kind, plaintext);
    };
    Subtree removed;
    TRY(rewrite_tree(old.snapshot.root, sink, nullptr, removed));
    snapshot.root_record.reset();
    TRY(writer.settle());
    if (writer.has_stored()) snapshot.root_record = TRY(writer.flush(encode_root_record(snapshot)));
  }
  TRY(store_endangered(repository_, index_, snapshot.session, snapshot, options_.writer));
  return snapshot;
}

Result<std::optional<Subtree>> Rewrite::rewrite_tree(const Subtree& root, ChunkSink sink,
                                                     Observer* observer, Subtree& removed) {
  if (filter_.is_empty()) return std::nullopt;
  TreeRewriter rewriter(filter_, split_key(repository_), reader_.source(), std::move(sink),
                        options_.is_stopped, observer);
  const auto rewritten = TRY(rewriter.rewrite(root));
  removed = rewriter.removed();
  return rewritten;
}

}  // namespace

Result<std::size_t> rewrite_snapshots(const Repository& repository, const SnapshotList& list,
                                      const std::vector<StoredSnapshot>& chosen,
                                      const RewriteOptions& options, Observer& observer,
                                      const EachRewritten& each) {
  FilterOptions excludes;
  excludes.patterns = options.excludes;
  RewriteFilter filter{TRY(Filter::create(excludes)), {options.includes, {}}};
  if (!options.dry_run) TRY(repository.check_writable());
  observer.begin(Phase::index);
  LocalIndex index = TRY(open_local_index(repository));
  for (const std::string& damaged : TRY(load_index_to_read(repository, index)).damaged)
    observer.note(damaged);
  observer.begin(Phase::trees);
  observer.progress.files_total = chosen.size();
  Rewrite work(repository, list, options, std::move(filter), std::move(index), observer);
  std::size_t changed = 0;
  for (const StoredSnapshot& stored : chosen) {
    if (options.is_stopped()) return fail(ErrorCode::cancelled, "interrupted");
    const auto done = TRY_IN("snapshot " + stored.id.short_hex(), work.rewrite(stored));
    ++observer.progress.files_done;
    if (!done) continue;
    ++changed;
    each(stored, *done);
  }
  return changed;
}

}  // namespace lagan
