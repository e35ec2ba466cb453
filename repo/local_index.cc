// SPDX-License-Identifier: Apache-2.0
#include "repo/local_index.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <iterator>
#include <string_view>
#include <utility>

#include "repo/index_run.h"
#include "repo/index_run_writer.h"
#include "util/file.h"

namespace lagan {
namespace {

// Each run is an open file.
constexpr std::size_t kManyRuns = 64;

constexpr std::uint64_t kGrowth = 4;

// Where one thread found its last chunks: a run and a chunk in one number, 0 for none. Two of them,
// because files and folders take turns and lie in different packs.
struct alignas(64) Trail {
  std::atomic<std::uint64_t> last{0}, before{0};

  // The one that was found before is kept if the same chunk is found twice.
  void note(std::uint64_t place) {
    const std::uint64_t previous = last.load(std::memory_order_relaxed);
    if (previous == place) return;
    before.store(previous, std::memory_order_relaxed);
    last.store(place, std::memory_order_relaxed);
  }

  static std::uint64_t place(std::size_t run, std::uint32_t chunk) {
    return static_cast<std::uint64_t>(run + 1) << 32 | chunk;
  }
  static std::size_t run_of(std::uint64_t place) { return (place >> 32) - 1; }
  static std::uint32_t chunk_of(std::uint64_t place) { return static_cast<std::uint32_t>(place); }
};

bool subset(const std::vector<SegmentId>& sorted, const std::vector<SegmentId>& of_sorted) {
  return std::ranges::includes(of_sorted, sorted);
}

std::vector<SegmentId> sorted_segments(const IndexRun& run) {
  std::vector<SegmentId> sorted = run.segments();
  std::ranges::sort(sorted);
  return sorted;
}

// A writer that died left it behind; one that lives holds a lock.
void remove_stale_temporary(const std::string& path) {
  const auto file = open_file(path, O_RDWR | O_NOFOLLOW);
  if (file && ::flock(file->descriptor(), LOCK_EX | LOCK_NB) == 0) ::unlink(path.c_str());
}

}  // namespace

struct LocalIndex::State {
  RunFolder folder;
  std::vector<std::unique_ptr<IndexRun>> runs;  // the smallest first
  std::unordered_set<PackId> condemned;
  std::optional<std::unordered_set<SegmentId>> live;
  std::uint32_t next_pack_number = 0;
  std::uint64_t memory_bytes = 0;
  bool lost_a_run = false;
  mutable std::array<Trail, kThreadSlots> trails;

  Result<void> load_folder();
  void load_run(const std::string& path);
  void drop_contained_runs();
  void take(std::unique_ptr<IndexRun> run);
  void discard(std::unique_ptr<IndexRun> run) const;
  void discard_damaged();
  void settle();
  bool covers(const SegmentId& id) const;
  std::size_t runs_to_merge() const;
  Result<void> check_runs() const;
  Result<void> compact(const RunFolder& into);

  struct Found {
    const IndexRun* run = nullptr;
    std::uint32_t chunk = 0;
  };
  std::optional<Found> find(const ChunkId& id, IndexRun::Copies copies) const;
  std::optional<Found> follow(Trail& trail, const ChunkId& id, IndexRun::Copies copies) const;
  std::optional<ChunkLocation> locate(const Found& found) const;
  std::optional<Found> find_any(const ChunkId& id) const;
  std::optional<Found> find_first(const ChunkId& id) const;
  bool is_first(const Found& found, const ChunkId& id) const;
  std::uint64_t first_number(const IndexRun* run) const;

  struct FoundPack {
    const IndexRun* run = nullptr;
    std::uint32_t number = 0;
    RunPack pack;
  };
  std::optional<FoundPack> find_pack(const PackId& name) const;
  Result<void> each_pack(const std::function<Result<void>(const FoundPack&)>& each) const;
};

Result<void> LocalIndex::State::load_folder() {
  TRY(make_directories(folder.path, 0700));
  DIR* const listing = ::opendir(folder.path.c_str());
  if (listing == nullptr) return fail(system_error("open " + folder.path, errno));
  std::vector<std::string> runs_found, temporaries;
  while (const dirent* entry = ::readdir(listing)) {
    const std::string_view name = entry->d_name;
    const std::string path = folder.path + "/" + entry->d_name;
    if (name.ends_with(kRunSuffix)) runs_found.push_back(path);
    if (name.starts_with(kTemporaryRunPrefix)) temporaries.push_back(path);
  }
  ::closedir(listing);
  for (const std::string& path : temporaries) remove_stale_temporary(path);
  for (const std::string& path : runs_found) load_run(path);
  drop_contained_runs();
  settle();
  for (auto& run : runs) {
    run->check_if_in_memory();
    if (run->damaged()) discard(std::move(run));
  }
  if (std::erase(runs, nullptr) > 0) settle();
  return {};
}

void LocalIndex::State::load_run(const std::string& path) {
  auto file = open_file(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!file) return;  // another process has merged it away, or it is not ours to read
  auto run = IndexRun::open(std::move(*file), folder.repository);
  if (!run) {
    ::unlink(path.c_str());
    return;
  }
  (*run)->path = path;
  take(std::move(*run));
}

// Two processes may have merged the same runs, or one was stopped before it deleted what it merged.
void LocalIndex::State::drop_contained_runs() {
  std::ranges::sort(runs, {}, [](const auto& run) { return run->segments().size(); });
  std::vector<std::vector<SegmentId>> covered;
  for (const auto& run : runs) covered.push_back(sorted_segments(*run));
  for (std::size_t i = 0; i < runs.size(); ++i) {
    for (std::size_t j = i + 1; j < runs.size(); ++j) {
      if (!subset(covered[i], covered[j])) continue;
      discard(std::move(runs[i]));
      break;
    }
  }
  std::erase(runs, nullptr);
}

void LocalIndex::State::take(std::unique_ptr<IndexRun> run) {
  run->first_pack_number = next_pack_number;
  next_pack_number += run->counts().packs;
  if (live) run->set_live(*live);
  if (!condemned.empty()) run->set_condemned(condemned);
  runs.push_back(std::move(run));
}

// Whoever still has the file open may go on using it.
void LocalIndex::State::discard(std::unique_ptr<IndexRun> run) const { run->delete_file(); }

void LocalIndex::State::discard_damaged() {
  for (auto& run : runs) {
    if (!run->damaged()) continue;
    discard(std::move(run));
    lost_a_run = true;
  }
  if (std::erase(runs, nullptr) > 0) settle();
}

// After any change to the list of runs.
void LocalIndex::State::settle() {
  std::ranges::sort(runs, {}, [](const auto& run) { return run->file_size(); });
  // The smallest first. With the filters, 100 million chunks need less than 300 MB in all.
  std::uint64_t left = memory_bytes;
  for (const auto& run : runs) {
    const std::uint64_t given = std::min(left, run->memory_wanted());
    run->keep_in_memory(given);
    left -= given;
  }
  for (Trail& trail : trails) trail.last = trail.before = 0;
}

bool LocalIndex::State::covers(const SegmentId& id) const {
  return std::ranges::any_of(runs, [&](const auto& run) {
    const auto& segments = run->segments();
    const auto at = std::ranges::find(segments, id);
    return at != segments.end() && !run->damaged() &&
           run->is_live(static_cast<std::size_t>(at - segments.begin()));
  });
}

// The first so many runs are to become one, so that each is at least kGrowth times as large as all
// that are smaller; and what is a quarter dead is written again.
std::size_t LocalIndex::State::runs_to_merge() const {
  std::size_t merge = 0;
  std::uint64_t smaller = 0;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const std::uint64_t size = runs[i]->live_chunks() + 1;
    const std::uint64_t dead = runs[i]->counts().chunks - runs[i]->live_chunks();
    const bool too_small = i > 0 && size < kGrowth * smaller;
    if (size + smaller > kRunMaxRecords) break;
    if (too_small || dead > size / (kGrowth - 1)) merge = i + 1;
    smaller += size;
  }
  return merge;
}

Result<void> LocalIndex::State::check_runs() const {
  for (const auto& run : runs) {
    if (run->damaged()) return fail(run->damage());
  }
  if (lost_a_run) return fail(ErrorCode::corrupt, "the local index has lost a damaged run");
  return {};
}

std::optional<LocalIndex::State::Found> LocalIndex::State::find(const ChunkId& id,
                                                                IndexRun::Copies copies) const {
  Trail& trail = trails[thread_slot()];
  if (const auto next = follow(trail, id, copies)) return next;
  for (std::size_t i = runs.size(); i-- > 0;) {
    if (const auto chunk = runs[i]->find(id, copies)) {
      trail.note(Trail::place(i, *chunk));
      return Found{runs[i].get(), *chunk};
    }
  }
  return std::nullopt;
}

// Duplicates come in the order they were stored in: the chunk after the last one is the likeliest.
std::optional<LocalIndex::State::Found> LocalIndex::State::follow(Trail& trail, const ChunkId& id,
                                                                  IndexRun::Copies copies) const {
  for (std::atomic<std::uint64_t>* const step : {&trail.last, &trail.before}) {
    const std::uint64_t place = step->load(std::memory_order_relaxed);
    if (place == 0) return std::nullopt;
    const IndexRun& run = *runs[Trail::run_of(place)];
    const std::uint32_t next = Trail::chunk_of(place) + 1;
    if (!run.is_next(next, id, copies)) continue;
    step->store(place + 1, std::memory_order_relaxed);
    return Found{&run, next};
  }
  return std::nullopt;
}

std::optional<ChunkLocation> LocalIndex::State::locate(const Found& found) const {
  auto location = found.run->location(found.chunk);
  if (!location) return location;
  location->pack_number += found.run->first_pack_number;
  location->number = first_number(found.run) + found.chunk;
  return location;
}

// Always the same one of several copies, whatever was asked before: the first outside condemned
// packs, else the first, in the order of the runs and of each run's keys.
std::optional<LocalIndex::State::Found> LocalIndex::State::find_first(const ChunkId& id) const {
  Trail& trail = trails[thread_slot()];
  const auto next = follow(trail, id, IndexRun::Copies::not_condemned);
  if (next && is_first(*next, id)) return next;
  for (const auto copies : {IndexRun::Copies::not_condemned, IndexRun::Copies::any}) {
    for (std::size_t i = 0; i < runs.size(); ++i) {
      const auto chunk = runs[i]->find(id, copies);
      if (!chunk) continue;
      trail.note(Trail::place(i, *chunk));
      return Found{runs[i].get(), *chunk};
    }
    if (condemned.empty()) break;
  }
  return std::nullopt;
}

// Whether no copy comes before this one, which lies outside condemned packs. No for some of which
// that is true: then it must be searched for.
bool LocalIndex::State::is_first(const Found& found, const ChunkId& id) const {
  for (const auto& run : runs) {
    if (run.get() == found.run) return run->is_first(found.chunk);
    if (run->may_contain(id)) return false;
  }
  return false;
}

// One outside condemned packs if there is one.
std::optional<LocalIndex::State::Found> LocalIndex::State::find_any(const ChunkId& id) const {
  auto found = find(id, IndexRun::Copies::not_condemned);
  if (!found && !condemned.empty()) found = find(id, IndexRun::Copies::any);
  return found;
}

std::uint64_t LocalIndex::State::first_number(const IndexRun* run) const {
  std::uint64_t first = 0;
  for (const auto& each : runs) {
    if (each.get() == run) break;
    first += each->counts().chunks;
  }
  return first;
}

std::optional<LocalIndex::State::FoundPack> LocalIndex::State::find_pack(const PackId& name) const {
  for (const auto& run : runs) {
    const auto number = run->damaged() ? std::nullopt : run->find_pack(name);
    const auto pack = number ? run->pack(*number) : std::nullopt;
    if (pack) return FoundPack{run.get(), *number, *pack};
  }
  return std::nullopt;
}

Result<void> LocalIndex::State::each_pack(
    const std::function<Result<void>(const FoundPack&)>& each) const {
  TRY(check_runs());
  for (const auto& run : runs) {
    for (std::uint32_t number = 0; number < run->counts().packs; ++number) {
      if (run->is_dead(number)) continue;
      const auto pack = run->pack(number);
      if (!pack) return fail(run->damage());
      const auto first = find_pack(pack->name);
      TRY(check_runs());
      if (first && first->run != run.get()) continue;
      TRY(each({run.get(), number, *pack}));
    }
  }
  return {};
}

LocalIndex::LocalIndex(std::unique_ptr<State> state) : state_(std::move(state)) {}
LocalIndex::LocalIndex(LocalIndex&&) noexcept = default;
LocalIndex& LocalIndex::operator=(LocalIndex&&) noexcept = default;
LocalIndex::~LocalIndex() {
  if (state_) delete_damaged();
}

Result<LocalIndex> LocalIndex::open(const std::string& folder, const RepositoryId& repository,
                                    std::uint64_t memory_bytes) {
  auto state = std::make_unique<State>();
  state->memory_bytes = memory_bytes;
  state->folder = {folder, repository};
  if (!folder.empty()) TRY_IN("local index", state->load_folder());
  return LocalIndex(std::move(state));
}

Result<std::vector<SegmentId>> LocalIndex::missing(const std::vector<SegmentId>& live) {
  state_->live.emplace(live.begin(), live.end());
  for (auto& run : state_->runs) {
    const bool any_live = run->set_live(*state_->live);
    run->set_condemned(state_->condemned);  // a pack may have come back to life
    if (any_live && !run->damaged()) continue;
    state_->discard(std::move(run));
  }
  std::erase(state_->runs, nullptr);
  state_->lost_a_run = false;
  state_->settle();
  std::unordered_set<SegmentId> covered;
  for (const auto& run : state_->runs) {
    if (!run->damaged()) covered.insert(run->segments().begin(), run->segments().end());
  }
  std::vector<SegmentId> missing;
  std::ranges::copy_if(live, std::back_inserter(missing),
                       [&](const SegmentId& id) { return !covered.contains(id); });
  return missing;
}

Result<void> LocalIndex::add(const SegmentId& id, const Segment& segment) {
  if (state_->covers(id)) return {};
  if (state_->live) state_->live->insert(id);
  auto run = build_run(state_->folder, id, segment);
  // A full disk under the cache costs the next command the same work.
  if (!run && !state_->folder.path.empty())
    run = build_run({"", state_->folder.repository}, id, segment);
  state_->take(TRY_IN("local index", std::move(run)));
  state_->settle();
  if (state_->runs.size() <= kManyRuns) return {};
  auto compacted = compact();
  if (!compacted && !state_->folder.path.empty())
    compacted = state_->compact({"", state_->folder.repository});
  return compacted;
}

Result<void> LocalIndex::compact() { return state_->compact(state_->folder); }

// Into that folder.
Result<void> LocalIndex::State::compact(const RunFolder& into) {
  while (true) {
    discard_damaged();
    const std::size_t count = runs_to_merge();
    if (count == 0) return {};
    std::vector<const IndexRun*> inputs;
    for (std::size_t i = 0; i < count; ++i) {
      runs[i]->prepare_to_merge();
      inputs.push_back(runs[i].get());
    }
    auto merged = merge_runs(into, inputs);
    if (!merged && std::ranges::any_of(inputs, [](const auto* run) { return run->damaged(); })) {
      continue;  // without that one
    }
    if (!merged) {
      settle();
      return fail(std::move(merged).error().in("local index"));
    }
    for (std::size_t i = 0; i < count; ++i) {
      if (runs[i]->path != (*merged)->path) discard(std::move(runs[i]));
    }
    runs.erase(runs.begin(), runs.begin() + static_cast<std::ptrdiff_t>(count));
    take(std::move(*merged));
    settle();
  }
}

void LocalIndex::set_condemned(std::unordered_set<PackId> packs) {
  state_->condemned = std::move(packs);
  for (const auto& run : state_->runs) run->set_condemned(state_->condemned);
}

std::optional<ChunkLocation> LocalIndex::find(const ChunkId& id) const {
  const auto found = state_->find_any(id);
  return found ? state_->locate(*found) : std::nullopt;
}

std::optional<std::uint64_t> LocalIndex::number(const ChunkId& id) const {
  const auto found = state_->find_first(id);
  if (!found) return std::nullopt;
  return state_->first_number(found->run) + found->chunk;
}

bool LocalIndex::contains(const ChunkId& id) const {
  return state_->find(id, IndexRun::Copies::not_condemned).has_value();
}

bool LocalIndex::damaged() const { return !state_->check_runs(); }

void LocalIndex::delete_damaged() const {
  for (const auto& run : state_->runs) {
    if (run->damaged()) run->delete_file();
  }
}

Result<Header> LocalIndex::pack_header(const ChunkLocation& location) const {
  for (const auto& run : state_->runs) {
    const std::uint32_t number = location.pack_number - run->first_pack_number;
    if (number >= run->counts().packs) continue;
    const auto pack = run->pack(number);
    if (pack && pack->name == location.pack) return Header{pack->header};
  }
  // The run it was found in has been merged with others.
  const auto found = state_->find_pack(location.pack);
  if (found) return Header{found->pack.header};
  return fail(ErrorCode::not_found, "pack " + location.pack.hex() + " is in no index");
}

Result<void> LocalIndex::for_each_pack(
    const std::function<Result<void>(const PackSummary&)>& each) const {
  return state_->each_pack([&](const State::FoundPack& found) {
    return each({.name = found.pack.name,
                 .size = found.pack.size,
                 .kind = found.pack.kind,
                 .header = {found.pack.header},
                 .pack_number = found.run->first_pack_number + found.number,
                 .chunks = found.pack.chunks});
  });
}

bool LocalIndex::has_pack(const PackId& pack) const { return state_->find_pack(pack).has_value(); }

Result<void> LocalIndex::for_each_chunk(
    const std::function<Result<void>(const ChunkId&, const ChunkLocation&)>& each) const {
  return state_->each_pack([&](const State::FoundPack& found) -> Result<void> {
    const auto& [run, number, pack] = found;
    ChunkLocation location{.pack = pack.name, .pack_number = run->first_pack_number + number};
    const std::uint64_t first_number = state_->first_number(run);
    for (; location.block_number < pack.blocks; ++location.block_number) {
      const auto block = run->block(pack.first_block + location.block_number);
      if (!block) return fail(run->damage());
      location.block_offset = block->offset;
      location.stored = block->stored;
      location.raw = block->raw;
      location.codec = block->codec;
      location.kind = block->kind;
      location.nonce_tail = block->nonce_tail;
      location.number = first_number + block->first_chunk;
      TRY(run->each_chunk(block->first_chunk, block->chunks, [&](const RunChunk& chunk) {
        location.chunk_offset = chunk.offset;
        location.chunk_length = chunk.length;
        const Result<void> done = each(chunk.id, location);
        ++location.number;
        return done;
      }));
    }
    return {};
  });
}

Result<PackEntry> LocalIndex::pack_entry(const PackId& pack) const {
  const auto found = state_->find_pack(pack);
  if (!found) {
    TRY(state_->check_runs());
    return fail(ErrorCode::not_found, "pack " + pack.hex() + " is in no index");
  }
  PackEntry entry{
      .name = found->pack.name,
      .size = found->pack.size,
      .kind = found->pack.kind,
      .header = {found->pack.header},
      .directory = {.blocks = {}, .session = found->pack.session, .created = found->pack.created}};
  for (std::uint32_t i = 0; i < found->pack.blocks; ++i) {
    const auto stored = found->run->block(found->pack.first_block + i);
    if (!stored) return fail(found->run->damage());
    Block block{.stored = stored->stored,
                .raw = stored->raw,
                .codec = stored->codec,
                .kind = stored->kind,
                .nonce_tail = stored->nonce_tail,
                .ids = {},
                .lengths = {}};
    TRY(found->run->each_chunk(stored->first_chunk, stored->chunks,
                               [&](const RunChunk& chunk) -> Result<void> {
                                 block.ids.push_back(chunk.id);
                                 block.lengths.push_back(chunk.length);
                                 return {};
                               }));
    entry.directory.blocks.push_back(std::move(block));
  }
  return entry;
}

std::uint64_t LocalIndex::chunk_count() const {
  std::uint64_t count = 0;
  for (const auto& run : state_->runs) count += run->live_chunks();
  return count;
}

}  // namespace lagan
