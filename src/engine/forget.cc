// SPDX-License-Identifier: Apache-2.0
#include "src/engine/forget.h"

#include <map>
#include <set>
#include <tuple>

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

Result<SnapshotList> list_forgotten(const Repository& repository) {
  SnapshotList list = TRY(list_snapshots(repository, Which::all));
  // With its tree: what took a snapshot's place without some of its files does not bring it back.
  const auto state = [](const StoredSnapshot& stored) {
    return std::pair(stored.snapshot.original.value_or(stored.id), stored.snapshot.root.id);
  };
  const auto rank = [](const StoredSnapshot& stored) {  // one that is there comes last of all
    return std::tuple(!stored.forgotten, stored.forgotten.value_or(0),
                      stored.snapshot.original.has_value(), stored.id);
  };
  std::map<std::pair<SnapshotId, std::optional<ChunkId>>, const StoredSnapshot*> last;
  for (const StoredSnapshot& stored : list.snapshots) {
    const StoredSnapshot*& best = last[state(stored)];
    if (best == nullptr || rank(*best) < rank(stored)) best = &stored;
  }
  std::set<SnapshotId> chosen;
  for (const auto& [which, stored] : last) {
    if (stored->forgotten) chosen.insert(stored->id);
  }
  std::erase_if(list.snapshots,
                [&](const StoredSnapshot& stored) { return !chosen.contains(stored.id); });
  return list;
}

Result<SnapshotId> store_again(const Repository& repository, const StoredSnapshot& old,
                               Snapshot snapshot, Purpose purpose,
                               const ChunkWriterOptions& writer) {
  LocalIndex index = TRY(open_local_index(repository));
  auto session = TRY(WriterSession::begin(repository, index, purpose, host_name()));
  if (!snapshot.original) snapshot.original = old.id;
  snapshot.session = session->id();
  auto stored = store_endangered(repository, index, session->id(), snapshot, writer);
  if (!stored) {
    (void)session->abandon();
    return fail(std::move(stored).error());
  }
  TRY(session->commit(snapshot, writer));
  SeenSnapshots::note(repository, session->id());
  return session->id();
}

}  // namespace lagan
