// SPDX-License-Identifier: Apache-2.0
#pragma once

// For repair of snapshots: says what of a snapshot's tree is lost, and puts new snapshots under the
// protocol of writers. Refuses to judge anything while the index or a pack is known to be damaged:
// what these hide is not lost. One thread.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "repo/chunk_reader.h"
#include "repo/snapshots.h"
#include "src/engine/tree_repair.h"

namespace lagan {

class SnapshotMender {
 public:
  static Result<std::unique_ptr<SnapshotMender>> open(const Repository& repository);

  LocalIndex& index() { return index_; }
  ChunkReader& reader() { return reader_; }

  // "path: what" for everything that is lost; empty: the tree is whole.
  Result<std::vector<std::string>> losses(const Snapshot& snapshot);

  // See TreeRepair.
  Result<std::optional<Subtree>> mend(const Subtree& subtree, const ChunkSink& sink) {
    return trees_.mend(subtree, sink);
  }

  // Puts `snapshot` as a new one whose tree is what `make_root` returns; nothing if that returns
  // nothing. Who, when and what stay as they are.
  using MakeRoot = std::function<Result<std::optional<Subtree>>(const ChunkSink& sink)>;
  Result<std::optional<SnapshotId>> put(Snapshot snapshot, const MakeRoot& make_root);

  // The same with its own tree, mended where parts of it are lost.
  Result<std::optional<SnapshotId>> put_mended(const SnapshotId& original, Snapshot snapshot);

 private:
  SnapshotMender(const Repository& repository, LocalIndex index);

  const Repository& repository_;
  LocalIndex index_;
  std::unordered_set<PackId> present_;
  ChunkReader reader_;
  TreeRepair trees_;
};

}  // namespace lagan
