// SPDX-License-Identifier: Apache-2.0
#include "src/engine/lost_snapshots.h"

#include <fmt/format.h>

#include <set>

#include "repo/chunk_reader.h"
#include "repo/limits.h"
#include "repo/names.h"

namespace lagan {

Result<std::vector<StoredSnapshot>> LostSnapshots::find(const LocalIndex& index,
                                                        const SnapshotList& list) {
  std::set<SnapshotId> known = list.forgotten;
  for (const StoredSnapshot& stored : list.snapshots) known.insert(stored.id);
  for (const UnreadableSnapshot& snapshot : list.unreadable) known.insert(snapshot.id);
  for (const SnapshotId& id : seen_.all()) {
    // It may have come since.
    if (!known.contains(id) && !TRY(is_there(names::snapshot(id)))) return fail(lost(id, ""));
  }
  TRY(read_records(index));
  std::vector<StoredSnapshot> closed;
  for (const auto& [chunk, record] : records_) {
    if (!record || !known.insert(record->session).second) continue;
    const SnapshotId& id = record->session;
    if (TRY(is_there(names::snapshot(id)))) continue;
    const auto fence =
        repository_.get_body(ObjectKind::fence, names::fence(id), limits::kSmallBodyBytes);
    if (fence) {
      const Mark mark = TRY_IN(names::fence(id).text(), decode_mark(as_bytes(*fence)));
      if (mark.by_writer) continue;
      closed.push_back({id, *record, false, mark.created});
      closed.back().snapshot.root_record = chunk;  // needed as well, to be found by the next run
      continue;
    }
    const ErrorCode code = fence.error().code;
    if (code == ErrorCode::corrupt || code == ErrorCode::unsupported)
      return fail(lost(id, record->host));
    if (code != ErrorCode::not_found) return fail(fence.error());
    // At work, or nobody has closed it yet. Looked at again: it may have put its snapshot and gone.
    if (TRY(is_there(names::session(id))) || TRY(is_there(names::snapshot(id)))) continue;
    return fail(lost(id, record->host));
  }
  return closed;
}

// Each is read once.
Result<void> LostSnapshots::read_records(const LocalIndex& index) {
  std::vector<ChunkId> fresh;
  TRY(index.for_each_chunk([&](const ChunkId& id, const ChunkLocation& at) -> Result<void> {
    if (at.kind == ChunkKind::root_record && !records_.contains(id)) fresh.push_back(id);
    return {};
  }));
  ChunkReader reader(repository_, index);
  for (const ChunkId& id : fresh) {
    const auto bytes = reader.load(id, ChunkKind::root_record);
    auto snapshot = bytes ? decode_snapshot(*bytes) : fail(bytes.error());
    if (snapshot) {
      records_[id] = *std::move(snapshot);
      continue;
    }
    // One that is damaged, or in a pack that has just gone, is no witness.
    const ErrorCode code = snapshot.error().code;
    if (code != ErrorCode::corrupt && code != ErrorCode::not_found &&
        code != ErrorCode::unsupported)
      return fail(std::move(snapshot).error());
    records_[id] = std::nullopt;
  }
  return {};
}

Result<bool> LostSnapshots::is_there(const ObjectName& name) const {
  const auto info = repository_.storage().stat(name);
  if (info) return true;
  if (info.error().code == ErrorCode::not_found) return false;
  return fail(info.error());
}

Error LostSnapshots::lost(const SnapshotId& id, const std::string& host) const {
  return {ErrorCode::corrupt,
          fmt::format("snapshot {}{} is neither there nor forgotten: nothing is deleted before "
                      "'lagan recover' has brought it back or 'lagan forget {}' has given it up",
                      id.short_hex(), host.empty() ? "" : " of " + host, id.hex()),
          Retry::never,
          {}};
}

}  // namespace lagan
