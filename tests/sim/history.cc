// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/history.h"

#include <fmt/format.h>

#include <algorithm>

#include "repo/index_loader.h"
#include "repo/snapshots.h"
#include "tests/sim/actors.h"
#include "tests/sim/stand_in_machine.h"

namespace lagan::sim {
namespace {

// An old repository has more snapshots, so it has enough small packs and segments for a collection
// to join them.
constexpr std::uint32_t kOldSnapshots = 36;
// So many runs take everything from a quiet repository that nobody needs.
constexpr int kQuietRuns = 8;

constexpr std::uint64_t kHistoryMin = 150, kHistoryMax = 450;

// A writer is fenced, and while it stores again a node that one collector takes away, another one
// finds no way to what the node names.
constexpr Spot kSlowRescue[] = {
    {"keeper-1", "put", "fences/"},    {"keeper-1", "list", "condemned/"},
    {"writer-1", "put", "snapshots/"}, {"writer-1", "list", "condemned/"},
    {"keeper-1", "list", "data/"},     {"keeper-1", "put", "index/"},
    {"keeper-2", "list", "sessions/"}, {"keeper-2", "list", "forgotten/"},
    {"keeper-2", "list", "data/"},     {"keeper-2", "put", "index/"},
    {"writer-1", "put", "tree/"}};

Weather draw_weather(Dice& dice, std::uint64_t length) {
  static constexpr std::uint64_t kBursts[] = {0, 1, 4, 12, 40, 400};
  static constexpr std::uint64_t kSleeps[] = {15, 40, 100, 1000};
  static constexpr std::uint64_t kLongest[] = {40, 150, 400};
  static constexpr std::uint64_t kSlowListings[] = {3, 10, 50, 1000};
  static constexpr Spot kHotSpots[] = {
      {"", "put", "snapshots/"},        {"", "stat", "fences/"},
      {"", "list", "condemned/"},       {"", "list", "index/"},
      {"writer", "put", "data/"},       {"writer", "put", "tree/"},
      {"writer", "put", "index/"},      {"writer", "get", "tree/"},
      {"writer", "list", "sessions/"},  {"keeper", "put", "condemned/"},
      {"keeper", "put", "index/"},      {"keeper", "put", "fences/"},
      {"keeper", "put", "tree/"},       {"keeper", "list", "sessions/"},
      {"keeper", "list", "forgotten/"}, {"keeper", "list", "data/"},
      {"keeper", "remove", "data/"},    {"keeper", "remove", "index/"},
      {"undeleter", "put", "tree/"},    {"undeleter", "put", "snapshots/"}};
  Weather weather;
  weather.burst = dice.pick(kBursts);
  weather.sleep_one_in = dice.pick(kSleeps);
  weather.longest_sleep = dice.pick(kLongest);
  weather.slow_listing_one_in = dice.pick(kSlowListings);
  for (std::uint64_t i = dice.below(4); i > 0; --i)
    weather.hot_spots.push_back(dice.pick(kHotSpots));
  weather.failure_one_in = dice.one_in(3) ? 200 : 0;
  weather.listings_end_in_time = !dice.one_in(4);
  for (std::uint64_t i = dice.between(1, 3); i > 0; --i)
    weather.crashes.push_back(dice.between(20, length - 10));
  if (dice.one_in(6)) {
    weather.plot = {std::begin(kSlowRescue), std::end(kSlowRescue)};
    weather.sleep_one_in = 1000;
  }
  return weather;
}

void restore_all(Scene& scene, const Client& client) {
  World& world = scene.world;
  const auto list = list_snapshots(*client.repository, Which::all);
  if (!list) return world.report("no list of snapshots: " + list.error().message);
  LocalIndex index = *open_local_index(*client.repository);
  const auto loaded = load_index_to_read(*client.repository, index);
  if (!loaded) return world.report("no index: " + loaded.error().message);
  for (const StoredSnapshot& stored : list->snapshots) {
    if (!scene.oracle.is_protected(world.objects, stored.id, world.now)) continue;
    const auto done = restore_whole(scene, *client.repository, index, stored.id, stored.snapshot);
    if (!done)
      world.report(fmt::format("when all is quiet, snapshot {}: {}", stored.id.short_hex(),
                               done.error().message));
  }
}

// Nobody else is there, and all windows are over.
void collect_until_quiet(Scene& scene, const Client& client) {
  World& world = scene.world;
  world.now += 30 * kDay;
  PruneOptions options;
  options.fence_after = 0;
  options.undelete_window = scene.undelete_window;
  options.limits.unused_share = 0;
  for (int run = 0; run < kQuietRuns; ++run) {
    const auto done = collect(scene, client, nullptr, options);
    if (!done) return world.report("a quiet repository is not collected: " + done.error().message);
    const bool is_quiet = done->packs_deleted + done->packs_dropped + done->packs_dead +
                              done->packs_sparse + done->segments_deleted +
                              done->snapshots_deleted + done->sessions_fenced ==
                          0;
    if (!is_quiet) continue;
    const auto [needed, stored] = Oracle::needed_and_stored(world.objects);
    if (stored > needed) {
      world.report(
          fmt::format("collected, and {} chunks are stored where {} are needed", stored, needed));
    }
    return;
  }
  world.report("collecting a quiet repository never comes to an end");
}

}  // namespace

void Counts::add(const Counts& o) {
  const auto fields = [](Counts& c) {
    return std::array{&c.histories,      &c.operations,     &c.crashes,        &c.failures,
                      &c.sleeps,         &c.snapshots,      &c.forgotten,      &c.undeletes,
                      &c.collections,    &c.rescues,        &c.fences,         &c.deferred,
                      &c.packs_deleted,  &c.packs_repacked, &c.orphans_listed, &c.snapshots_deleted,
                      &c.writer_rescues, &c.revalidations,  &c.restores,       &c.reloads,
                      &c.starved};
  };
  Counts other = o;
  const auto from = fields(other), to = fields(*this);
  for (std::size_t i = 0; i < to.size(); ++i) *to[i] += *from[i];
  for (const auto& [text, count] : other.errors) errors[text] += count;
}

std::string Counts::text() const {
  std::string out = fmt::format(
      "{} histories, {} operations, {} crashes, {} failures, {} suspensions\n"
      "{} snapshots saved, {} forgotten, {} deleted, {} undeletes\n"
      "{} collections: {} chunks rescued, {} sessions fenced, {} deferred sweeps, {} packs to "
      "repack, {} orphans listed, {} packs deleted\n"
      "{} writers re-validated ({} stored something again), {} whole restores, {} reloads of the "
      "index, {} readers starved\n",
      histories, operations, crashes, failures, sleeps, snapshots, forgotten, snapshots_deleted,
      undeletes, collections, rescues, fences, deferred, packs_repacked, orphans_listed,
      packs_deleted, revalidations, writer_rescues, restores, reloads, starved);
  std::vector<std::pair<std::uint64_t, std::string>> often;
  for (const auto& [error, count] : errors) often.emplace_back(count, error);
  std::ranges::sort(often, std::greater());
  for (const auto& [count, error] : often) out += fmt::format("{:8} {}\n", count, error);
  return out;
}

std::optional<std::string> Counts::missing() const {
  const std::pair<const char*, std::uint64_t> needed[] = {{"rescues by collectors", rescues},
                                                          {"fences", fences},
                                                          {"re-validations", revalidations},
                                                          {"rescues by writers", writer_rescues},
                                                          {"deferred sweeps", deferred},
                                                          {"undeletes", undeletes},
                                                          {"deleted packs", packs_deleted},
                                                          {"packs to repack", packs_repacked},
                                                          {"listed orphans", orphans_listed},
                                                          {"deleted snapshots", snapshots_deleted},
                                                          {"crashes", crashes},
                                                          {"whole restores", restores}};
  for (const auto& [name, count] : needed) {
    if (count == 0) return name;
  }
  return std::nullopt;
}

Histories::Histories() : oracle_(clients_.sealing()) {
  young_ = prepare(2, 0);
  old_ = prepare(kOldSnapshots, 100);
  oracle_.mark();
}

// Backups by one client, one after the other, with nobody else there.
Histories::Start Histories::prepare(std::uint32_t snapshots, std::uint32_t first_folder) {
  World world(first_folder, oracle_, stacks_, false);
  world.objects = clients_.empty_repository();
  clients_.enter(world);
  oracle_.begin(0, {});
  Counts counts;
  Scene scene{world, oracle_, counts, 0, 0};
  Start start;
  const Client& client = clients_.get("writer-2");
  for (std::uint32_t i = 0; i < snapshots; ++i) {
    const auto saved =
        save(scene, client, {{first_folder + i, first_folder + i + 1}}, false, start.memory);
    if (!saved) fmt::print(stderr, "{}\n", saved.error().message);
    LAGAN_ASSERT(saved.has_value());
    world.now += kHour;
  }
  start.objects = std::move(world.objects);
  start.reported = oracle_.reported();
  oracle_.mark();
  return start;
}

Outcome Histories::run(std::uint64_t seed, bool is_traced) {
  static constexpr Nanoseconds kWindows[] = {0, 0, kDay, 7 * kDay};
  World world(seed, oracle_, stacks_, is_traced);
  Dice& dice = world.dice;
  const std::uint64_t length = dice.between(kHistoryMin, kHistoryMax);
  world.weather = draw_weather(dice, length);
  const Start& start = dice.one_in(16) ? old_ : young_;
  world.objects = start.objects;
  Outcome outcome;
  const bool has_plot = !world.weather.plot.empty();
  const Nanoseconds window = dice.pick(kWindows);
  Scene scene{world, oracle_, outcome.counts, length, has_plot ? 0 : window};
  for (std::uint64_t i = dice.between(2, 8); i > 0; --i)
    scene.folders.push_back(static_cast<std::uint32_t>(dice.below(kSharedFolders)));
  oracle_.begin(scene.undelete_window, start.reported);
  end_all_processes();
  clients_.enter(world);
  const bool put_is_verified = dice.one_in(2);
  for (const auto& client : clients_.all()) {
    client->lose_cache();
    client->storage->put_is_verified = put_is_verified;
    client->skew =
        dice.one_in(2) ? 0 : static_cast<Nanoseconds>(dice.below(200)) * kHour - 100 * kHour;
  }

  const auto add = [&](const std::string& name, auto script) {
    const Client& client = clients_.get(name);
    world.add_actor(name,
                    [&scene, &client, script](Actor& actor) { script(scene, client, actor); });
  };
  const auto writer = [&start](Scene& s, const Client& client, Actor& actor) {
    run_writer(s, client, actor, start.memory);
  };
  add("writer-1", writer);
  add("writer-2", writer);
  if (dice.one_in(2)) add("writer-3", writer);
  add("keeper-1", run_collector);
  add(has_plot || dice.one_in(2) ? "keeper-2" : "keeper-3", run_collector);
  add("forgetter", run_forgetter);
  add("undeleter", run_undeleter);
  add("reader-1", run_reader);
  if (dice.one_in(2)) add("reader-2", run_reader);
  world.run();

  Counts& counts = outcome.counts;
  counts.histories = 1;
  const WorldCounts& seen = world.counts();
  counts.operations = seen.operations;
  counts.crashes = seen.crashes;
  counts.failures = seen.failures;
  counts.sleeps = seen.sleeps;
  counts.revalidations = seen.verified;
  const Client& quiet = clients_.get("keeper-2");
  set_this_process(start_process(quiet.machine));
  if (!world.violation()) restore_all(scene, quiet);
  if (!world.violation() && dice.one_in(4)) {
    collect_until_quiet(scene, quiet);
    restore_all(scene, quiet);
  }
  outcome.violation = world.violation();
  return outcome;
}

}  // namespace lagan::sim
