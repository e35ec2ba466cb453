// SPDX-License-Identifier: Apache-2.0
#include "src/engine/snapshot_mender.h"

#include <algorithm>

#include "repo/chunk_writer.h"
#include "repo/derived_keys.h"
#include "repo/index_loader.h"
#include "repo/machine.h"
#include "repo/rescue.h"
#include "repo/session.h"
#include "src/engine/listed_packs.h"
#include "src/engine/repair_packs.h"
#include "src/engine/seen_snapshots.h"

namespace lagan {

SnapshotMender::SnapshotMender(const Repository& repository, LocalIndex index)
    : repository_(repository),
      index_(std::move(index)),
      reader_(repository, index_),
      trees_(split_key(repository), reader_.source(), [this](const Slice& slice) {
        const auto location = index_.find(*slice.id);
        return location && location->kind == ChunkKind::data && present_.contains(location->pack) &&
               slice.offset + slice.length <= location->chunk_length;
      }) {}

Result<std::unique_ptr<SnapshotMender>> SnapshotMender::open(const Repository& repository) {
  auto mender = std::unique_ptr<SnapshotMender>(
      new SnapshotMender(repository, TRY(open_local_index(repository))));
  const LoadedIndex loaded = TRY(load_index_to_read(repository, mender->index_));
  if (!loaded.damaged.empty()) {
    return fail(ErrorCode::corrupt, loaded.damaged.front() + ": run 'lagan repair index' first");
  }
  TRY(require_no_known_damage(repository, mender->index_));
  for (const auto& [id, pack] : TRY(list_packs_twice(repository))) mender->present_.insert(id);
  return mender;
}

Result<std::vector<std::string>> SnapshotMender::losses(const Snapshot& snapshot) {
  std::vector<std::string> losses;
  TRY(trees_.scan(snapshot.root, [&](const std::string& path, const std::string& what) {
    losses.push_back(path + ": " + what);
  }));
  // Lookups do not tell what is nowhere from what could not be read.
  if (index_.damaged()) return fail(ErrorCode::corrupt, "the local index is damaged: try again");
  return losses;
}

Result<std::optional<SnapshotId>> SnapshotMender::put(Snapshot snapshot,
                                                      const MakeRoot& make_root) {
  const auto session = TRY(WriterSession::begin(repository_, index_, Purpose::repair, host_name()));
  const auto work = [&]() -> Result<bool> {
    // The writer extends the index it is given: the trees are read by the other one.
    LocalIndex written = TRY(LocalIndex::open("", repository_.id()));
    ChunkWriter writer(repository_, written, session->id(), ChunkWriterOptions());
    const auto root = TRY(make_root(writer.tree_sink()));
    if (!root) return false;
    snapshot.root = *root;
    snapshot.session = session->id();
    snapshot.root_record = TRY(writer.flush(encode_root_record(snapshot)));
    TRY(store_endangered(repository_, index_, session->id(), snapshot));
    TRY(session->commit(snapshot));
    return true;
  };
  const auto done = work();
  if (!done || !*done) static_cast<void>(session->abandon());
  if (!done) return fail(done.error());
  if (!*done) return std::nullopt;
  SeenSnapshots::note(repository_, session->id());
  return session->id();
}

Result<std::optional<SnapshotId>> SnapshotMender::put_mended(const SnapshotId& original,
                                                             Snapshot snapshot) {
  snapshot.original = original;
  const Subtree root = snapshot.root;
  return put(std::move(snapshot), [&](const ChunkSink& sink) { return trees_.mend(root, sink); });
}

}  // namespace lagan
