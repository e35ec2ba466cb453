// SPDX-License-Identifier: Apache-2.0
#pragma once

// One history: writers, collectors, a forgetter, an undeleter and readers share a repository for
// some hundred storage operations, crashes and failures included. Then it is quiet, and everything
// must restore and what nobody needs must go. All of it follows from the seed.

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "src/engine/prune.h"
#include "tests/sim/clients.h"
#include "tests/sim/oracle.h"
#include "tests/sim/small_tree.h"
#include "tests/sim/world.h"

namespace lagan::sim {

// What happened, added up over histories. The simulation proves nothing about what never did.
struct Counts {
  std::uint64_t histories = 0, operations = 0, crashes = 0, failures = 0, sleeps = 0;
  std::uint64_t snapshots = 0, forgotten = 0, undeletes = 0;
  std::uint64_t collections = 0, rescues = 0, fences = 0, deferred = 0, known_gone = 0;
  std::uint64_t packs_deleted = 0, packs_repacked = 0, orphans_listed = 0, snapshots_deleted = 0;
  std::uint64_t writer_rescues = 0, revalidations = 0;
  std::uint64_t restores = 0, reloads = 0, starved = 0;
  std::map<std::string, std::uint64_t> errors;  // of actors, by their text

  void add(const Counts& other);
  std::string text() const;
  // The first of those that must not be zero and is.
  std::optional<std::string> missing() const;
};

struct Outcome {
  std::optional<std::string> violation;
  Counts counts;
};

class Histories {
 public:
  Histories();
  Outcome run(std::uint64_t seed, bool is_traced);

 private:
  // What a history begins with.
  struct Start {
    Objects objects;
    SmallTreeStorer::Memory memory;
    std::set<SnapshotId> reported;
  };
  Start prepare(std::uint32_t snapshots, std::uint32_t first_folder);

  Clients clients_;
  Oracle oracle_;
  Fiber::Stacks stacks_;
  Start young_, old_;
};

}  // namespace lagan::sim
