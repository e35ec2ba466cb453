// SPDX-License-Identifier: Apache-2.0
#pragma once

// What each actor of a history does, over and over until the history is long enough. Each round is
// a process of its own: what it knows is what its client's cache remembers.

#include <string>

#include "src/engine/prune.h"
#include "tests/sim/history.h"

namespace lagan::sim {

// What lies in no segment that a listing showed, though it is there.
constexpr ErrorCode kHidden = ErrorCode::internal;

struct Scene {
  World& world;
  Oracle& oracle;
  Counts& counts;
  std::uint64_t length = 0;  // operations after which nobody begins anything new
  Nanoseconds undelete_window = 0;
  std::vector<std::uint32_t> folders = {};  // that writers draw from
  bool is_over() const { return world.violation() || world.counts().operations >= length; }
  // Takes note of a failure; a dead process tells nobody.
  void failed(const Actor& actor, const std::string& what, const Error& error);
};

// A backup by a client that has `index` only from its cache.
Result<SnapshotId> save(Scene& scene, const Client& client, const SmallTree& tree, bool takes_over,
                        SmallTreeStorer::Memory& memory);
// Reads everything of a snapshot and compares it with what was saved. `index` is loaded.
Result<void> restore_whole(Scene& scene, const Repository& repository, LocalIndex& index,
                           const SnapshotId& id, const Snapshot& snapshot);
Result<PruneResult> collect(Scene& scene, const Client& client, Actor* actor, PruneOptions options);

void run_writer(Scene& scene, const Client& client, Actor& actor, SmallTreeStorer::Memory memory);
void run_collector(Scene& scene, const Client& client, Actor& actor);
void run_forgetter(Scene& scene, const Client& client, Actor& actor);
void run_undeleter(Scene& scene, const Client& client, Actor& actor);
void run_reader(Scene& scene, const Client& client, Actor& actor);

}  // namespace lagan::sim
