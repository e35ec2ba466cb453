// SPDX-License-Identifier: Apache-2.0
#include "repo/rescue.h"

#include <unordered_set>

#include "repo/chunk_reader.h"
#include "repo/chunk_writer.h"
#include "repo/index_loader.h"
#include "repo/tree_walk.h"

namespace lagan {

Result<std::size_t> store_endangered(const Repository& repository, LocalIndex& index,
                                     const SessionId& session, const Snapshot& snapshot,
                                     const ChunkWriterOptions& options) {
  // The index comes first: packs that it lists and that no log condemns afterwards are there all at
  // once. The other way round a node could vanish and be stored again between the two looks, and a
  // collector that marked meanwhile would have taken what lies below it for unneeded
  // (docs/model/, -DM_LOGS_FIRST).
  const LoadedIndex loaded = TRY(load_index(repository, index));
  if (!loaded.damaged.empty()) return fail(ErrorCode::corrupt, loaded.damaged.front());
  index.set_condemned(TRY(load_condemned(repository)));
  ChunkReader reader(repository, index);
  std::vector<std::pair<ChunkId, ChunkKind>> endangered;
  std::unordered_set<ChunkId> seen;
  const ChunkWalk walk{
      .is_new = [&](const ChunkId& id) { return seen.insert(id).second; },
      .each = [&](const ChunkId& id, ChunkKind kind, const std::string&) -> Result<void> {
        // A lost root record costs a second way to this snapshot, nothing of it.
        const bool is_lost = kind == ChunkKind::root_record && !index.find(id);
        if (!index.contains(id) && !is_lost) endangered.emplace_back(id, kind);
        return {};
      },
      .trouble = [](const std::string& path, Error error) -> Result<void> {
        return fail(std::move(error).in(path));
      }};
  TRY(walk_chunks(reader.source(), snapshot, walk));
  if (endangered.empty()) return 0;

  // The writer extends the index it is given: read from one of its own.
  LocalIndex written = TRY(LocalIndex::open("", repository.id()));
  ChunkWriter writer(repository, written, session, options);
  auto& lane = writer.make_data_lane();
  for (const auto& [id, kind] : endangered) {
    const Bytes chunk = TRY(reader.load(id, kind));
    kind == ChunkKind::data ? TRY(lane.store(chunk)) : TRY(writer.store_tree(kind, chunk));
  }
  TRY(writer.flush());
  return endangered.size();
}

}  // namespace lagan
