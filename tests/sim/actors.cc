// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/actors.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "repo/chunk_reader.h"
#include "repo/index_loader.h"
#include "repo/session.h"
#include "repo/snapshots.h"
#include "repo/tree_walk.h"
#include "src/engine/forget.h"
#include "src/engine/observer.h"
#include "tests/sim/stand_in_machine.h"

namespace lagan::sim {
namespace {

// Works on the caller's thread, which is where the world decides who goes on.
ChunkWriterOptions alone() {
  ChunkWriterOptions options;
  options.uploaders = 0;
  options.workers = 0;
  options.compression_level = 1;
  options.verify = false;
  return options;
}

class Silent final : public Observer {
 public:
  void trouble(const std::string&, const Error&) override {}
};

// A process of this client, from its start to its end.
class Process {
 public:
  Process(Scene& scene, const Client& client, Actor& actor) : actor_(actor) {
    Dice& dice = scene.world.dice;
    actor.process = start_process(client.machine);
    actor.is_dead = false;
    set_this_process(actor.process);
    if (dice.one_in(12)) client.lose_cache();
  }
  ~Process() { end_process(actor_.process); }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

 private:
  Actor& actor_;
};

// Names, digits of ids and numbers vary; what happened does not.
std::string without_ids(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i;
    while (end < text.size() && (std::isxdigit(static_cast<unsigned char>(text[end])) != 0)) ++end;
    if (end - i >= 8) {
      out += '#';
      i = end;
    } else {
      out += text[i++];
    }
  }
  return out;
}

void pause(Scene& scene, std::uint64_t longest) {
  scene.world.sleep(scene.world.dice.below(longest + 1));
}

}  // namespace

void Scene::failed(const Actor& actor, const std::string& what, const Error& error) {
  if (actor.is_dead) return;
  world.trace(fmt::format("{} failed: {}", what, error.message));
  ++counts.errors[what + ": " + without_ids(error.message)];
}

Result<SnapshotId> save(Scene& scene, const Client& client, const SmallTree& tree, bool takes_over,
                        SmallTreeStorer::Memory& memory) {
  const Repository& repository = *client.repository;
  LocalIndex index = TRY(open_local_index(repository));
  auto session = TRY(WriterSession::begin(repository, index, Purpose::backup, client.name));
  const auto saved = [&]() -> Result<void> {
    ChunkWriter writer(repository, index, session->id(), alone());
    SmallTreeStorer storer(repository, writer, memory);
    const auto root = TRY(storer.store(tree, takes_over));
    Snapshot snapshot;
    snapshot.session = session->id();
    snapshot.root = root.top;
    snapshot.host = client.name;
    snapshot.paths = {"/home"};
    snapshot.time = repository.now();
    scene.oracle.note_tree(*root.top.id, root.chunks);
    const bool has_news = writer.has_stored();
    snapshot.root_record = TRY(writer.flush(has_news ? encode_root_record(snapshot) : ""));
    const std::uint64_t before = scene.world.packs_put();
    TRY(session->commit(snapshot, alone()));
    if (scene.world.packs_put() != before) ++scene.counts.writer_rescues;
    return {};
  }();
  if (!saved) {
    (void)session->abandon();
    return fail(saved.error());
  }
  scene.oracle.note_reported(session->id());
  scene.world.look("a backup was reported");
  return session->id();
}

void run_writer(Scene& scene, const Client& client, Actor& actor, SmallTreeStorer::Memory memory) {
  Dice& dice = scene.world.dice;
  SmallTree tree;
  const auto draw = [&] { return scene.folders[dice.below(scene.folders.size())]; };
  for (std::uint64_t i = dice.between(1, 3); i > 0; --i) tree.folders.push_back(draw());
  while (!scene.is_over()) {
    {
      const Process process(scene, client, actor);
      const auto saved = save(scene, client, tree, dice.one_in(2), memory);
      if (saved) ++scene.counts.snapshots;
      if (!saved) scene.failed(actor, "backup", saved.error());
    }
    tree.folders[dice.below(tree.folders.size())] = draw();
    pause(scene, 80);
  }
}

Result<PruneResult> collect(Scene& scene, const Client& client, Actor* actor,
                            PruneOptions options) {
  options.writer = alone();
  if (actor != nullptr) actor->run_began = 0;
  Silent observer;
  const PruneResult result = TRY(prune(*client.repository, options, observer));
  Counts& counts = scene.counts;
  ++counts.collections;
  counts.rescues += result.chunks_rescued;
  counts.fences += result.sessions_fenced;
  counts.deferred += result.packs_waiting != 0 ? 1 : 0;
  counts.packs_deleted += result.packs_deleted;
  counts.packs_repacked += result.packs_sparse;
  counts.orphans_listed += result.packs_indexed;
  counts.snapshots_deleted += result.snapshots_deleted;
  scene.world.trace(fmt::format(
      "collected: {} deleted, {} dropped, {} waiting, {} dead, {} sparse, {} rescued, {} fenced",
      result.packs_deleted, result.packs_dropped, result.packs_waiting, result.packs_dead,
      result.packs_sparse, result.chunks_rescued, result.sessions_fenced));
  return result;
}

void run_collector(Scene& scene, const Client& client, Actor& actor) {
  static constexpr Nanoseconds kFenceAfter[] = {0, 0, kHour, 3 * kDay};
  static constexpr double kUnusedShare[] = {0, 0, 0.05, 0.5};
  Dice& dice = scene.world.dice;
  pause(scene, 150);
  while (!scene.is_over()) {
    {
      const Process process(scene, client, actor);
      PruneOptions options;
      options.fence_after = dice.pick(kFenceAfter);
      options.undelete_window = scene.undelete_window;
      options.limits.unused_share = dice.pick(kUnusedShare);
      if (dice.one_in(8)) options.limits.repack_bytes = 500;
      const auto done = collect(scene, client, &actor, options);
      if (!done) scene.failed(actor, "prune", done.error());
    }
    pause(scene, 120);
  }
}

void run_forgetter(Scene& scene, const Client& client, Actor& actor) {
  Dice& dice = scene.world.dice;
  while (!scene.is_over()) {
    {
      const Process process(scene, client, actor);
      const auto done = [&]() -> Result<void> {
        const SnapshotList list = TRY(list_snapshots(*client.repository));
        if (list.snapshots.size() < 2) return {};
        std::vector<SnapshotId> chosen;
        for (std::uint64_t i = dice.between(1, list.snapshots.size() / 2); i > 0; --i)
          chosen.push_back(list.snapshots[dice.below(list.snapshots.size())].id);
        std::ranges::sort(chosen);
        chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
        TRY(forget(*client.repository, chosen, "sim"));
        scene.counts.forgotten += chosen.size();
        return {};
      }();
      if (!done) scene.failed(actor, "forget", done.error());
    }
    pause(scene, 150);
  }
}

void run_undeleter(Scene& scene, const Client& client, Actor& actor) {
  Dice& dice = scene.world.dice;
  pause(scene, 150);
  while (!scene.is_over()) {
    {
      const Process process(scene, client, actor);
      const auto done = [&]() -> Result<void> {
        SnapshotList list = TRY(list_snapshots(*client.repository, Which::all));
        std::erase_if(list.snapshots,
                      [](const StoredSnapshot& stored) { return !stored.forgotten; });
        if (list.snapshots.empty()) return {};
        const StoredSnapshot& old = list.snapshots[dice.below(list.snapshots.size())];
        const SnapshotId id =
            TRY(store_again(*client.repository, old, old.snapshot, Purpose::undelete, alone()));
        ++scene.counts.undeletes;
        scene.oracle.note_reported(id);
        scene.world.look("an undelete was reported");
        return {};
      }();
      if (!done) scene.failed(actor, "undelete", done.error());
    }
    pause(scene, 150);
  }
}

Result<void> restore_whole(Scene& scene, const Repository& repository, LocalIndex& index,
                           const SnapshotId& id, const Snapshot& snapshot) {
  ChunkReader reader(repository, index);
  // A chunk in no segment, or a pack that is not there: the index may be out of date.
  constexpr int kLooks = 4;
  const ChunkSource source = [&](const ChunkId& chunk, ChunkKind kind) -> Result<Bytes> {
    for (int look = 1;; ++look) {
      auto loaded = reader.load(chunk, kind);
      if (loaded || loaded.error().code != ErrorCode::not_found || look == kLooks) return loaded;
      // Who loads the index after the snapshots finds all that they need.
      if (!index.find(chunk) && scene.world.weather.listings_end_in_time) {
        return fail(kHidden,
                    fmt::format("chunk {} is in no segment that was listed", chunk.short_hex()));
      }
      ++scene.counts.reloads;
      TRY(load_index_to_read(repository, index));
    }
  };
  std::unordered_set<ChunkId> seen;
  const ChunkWalk walk{
      .is_new = [&](const ChunkId& chunk) { return seen.insert(chunk).second; },
      .each = [&](const ChunkId& chunk, ChunkKind kind, const std::string&) -> Result<void> {
        if (kind == ChunkKind::data || kind == ChunkKind::root_record) TRY(source(chunk, kind));
        return {};
      },
      .trouble = [](const std::string& path, Error error) -> Result<void> {
        return fail(std::move(error).in(path));
      }};
  TRY(walk_chunks(source, snapshot, walk));
  // Ids are hashes of what was read; equal numbers are equal sets.
  const std::size_t expected = Oracle::size_of(scene.world.objects, id);
  if (expected != 0 && seen.size() != expected)
    return fail(ErrorCode::corrupt, fmt::format("{} chunks of {}", seen.size(), expected));
  ++scene.counts.restores;
  return {};
}

void run_reader(Scene& scene, const Client& client, Actor& actor) {
  World& world = scene.world;
  pause(scene, 100);
  while (!scene.is_over()) {
    {
      const Process process(scene, client, actor);
      const auto list = list_snapshots(*client.repository);
      if (!list) {
        scene.failed(actor, "list", list.error());
      } else if (!list->snapshots.empty()) {
        const StoredSnapshot& chosen = list->snapshots[world.dice.below(list->snapshots.size())];
        const bool was_protected = scene.oracle.is_protected(world.objects, chosen.id, world.now);
        const auto done = [&]() -> Result<void> {
          LocalIndex index = TRY(open_local_index(*client.repository));
          TRY(load_index_to_read(*client.repository, index));
          return restore_whole(scene, *client.repository, index, chosen.id, chosen.snapshot);
        }();
        const bool counts = !done && !actor.is_dead && was_protected &&
                            scene.oracle.is_protected(world.objects, chosen.id, world.now);
        if (!done) scene.failed(actor, "restore", done.error());
        // Two collections between a look at the index and the pack it names: a matter of luck.
        if (counts && done.error().code == ErrorCode::not_found) ++scene.counts.starved;
        const bool is_wrong =
            counts && (done.error().code == ErrorCode::corrupt || done.error().code == kHidden);
        if (is_wrong) world.report("a reader found: " + done.error().message);
      }
    }
    pause(scene, 100);
  }
}

}  // namespace lagan::sim
