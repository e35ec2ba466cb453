// SPDX-License-Identifier: Apache-2.0
#include "src/engine/forget.h"

#include "repo/machine.h"
#include "repo/names.h"
#include "repo/rescue.h"
#include "src/engine/seen_snapshots.h"

namespace lagan {

Result<void> forget(const Repository& repository, std::vector<SnapshotId> snapshots,
                    const std::string& rule) {
  if (snapshots.empty()) return {};
  TRY(repository.check_writable());
  Forgotten message;
  message.snapshots = std::move(snapshots);
  message.rule = rule;
  message.created = repository.now();
  message.host = host_name();
  const auto put = repository.put_signed(
      ObjectKind::forgotten, names::random_name(names::kForgotten, repository.random_id()),
      encode(message));
  if (put || put.error().code != ErrorCode::permission) return put;
  return fail(ErrorCode::permission,
              "the storage takes no new objects, so nothing was forgotten: " + put.error().message);
}

Result<SnapshotId> store_again(const Repository& repository, const StoredSnapshot& old,
                               Snapshot snapshot, Purpose purpose) {
  LocalIndex index = TRY(open_local_index(repository));
  auto session = TRY(WriterSession::begin(repository, index, purpose, host_name()));
  if (!snapshot.original) snapshot.original = old.id;
  snapshot.session = session->id();
  auto stored = store_endangered(repository, index, session->id(), snapshot);
  if (!stored) {
    (void)session->abandon();
    return fail(std::move(stored).error());
  }
  TRY(session->commit(snapshot));
  SeenSnapshots::note(repository, session->id());
  return session->id();
}

}  // namespace lagan
