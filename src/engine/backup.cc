// SPDX-License-Identifier: Apache-2.0
#include "src/engine/backup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <thread>

#include "repo/chunk_reader.h"
#include "repo/derived_keys.h"
#include "repo/index_loader.h"
#include "repo/limits.h"
#include "repo/machine.h"
#include "repo/names.h"
#include "repo/session.h"
#include "repo/snapshot_length.h"
#include "repo/snapshots.h"
#include "src/engine/file_states.h"
#include "src/engine/file_storer.h"
#include "src/engine/seen_snapshots.h"
#include "src/engine/source_scan.h"
#include "src/engine/walker.h"
#include "util/bounded_queue.h"
#include "util/threads.h"

// The pipeline. Each box is a thread or several; each queue is bounded, so memory is.
//
// clang-format off
//   walker (1) ── batches of files ──► readers (N) ── blocks ──► ChunkWriter
//      │                                  │
//      └── unchanged, links, devices ─────┴──► folder tasks ── tree nodes ──► ChunkWriter
// clang-format on
//
// Readers open, read, cut, hash and look up; ChunkWriter compresses, seals, verifies and uploads;
// folder tasks put entries in order.
//
// The walker runs on the calling thread. A folder is written by whoever completes its last entry.

namespace lagan {
namespace {

// Files are handed to readers in batches, for a lock a file would cost as much as reading a small
// one.
constexpr std::size_t kBatchFiles = 32;
constexpr std::uint64_t kBatchBytes = std::uint64_t{1} << 20;
constexpr std::size_t kQueuedBatches = 64;
// A later backup of the same paths usually has little that is new: so much of it is compressed at a
// higher level (decision 0004).
constexpr std::uint64_t kThoroughBytes = std::uint64_t{256} << 20;

using Batch = std::vector<FileJob>;

std::size_t reader_count(const BackupOptions& options) {
  if (options.readers != 0) return options.readers;
  return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 2, 8);
}

// Folders stay open while files in them wait; deep trees need more than the usual 1,024.
void allow_many_open_files() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// One file of states for each set of paths of each host.
std::string states_path(const Repository& repository, const std::string& host,
                        const std::vector<WalkTarget>& targets) {
  if (repository.cache_folder().empty()) return {};
  std::string bound = host;
  for (const WalkTarget& target : targets) bound += '\0' + target.path;
  return fmt::format("{}/states-{}", repository.cache_folder(), cache_name(bound));
}

// Where a symlink ends, if that is what can be read like a file: volumes are mostly named by one.
std::string special_behind(const std::string& link) {
  const auto status = source_status_behind(AT_FDCWD, link.c_str());
  if (!status || !has_readable_content(status->kind)) return {};
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(link.c_str(), nullptr),
                                                         &std::free);
  return real != nullptr ? real.get() : std::string();
}

// What earlier runs stored. Seldom asked, so opened only then; the index of the run is the writer's
// alone. Any thread.
class SavedChunks {
 public:
  explicit SavedChunks(const Repository& repository) : repository_(repository) {}
  ChunkSource source() {
    return [this](const ChunkId& id, ChunkKind kind) { return load(id, kind); };
  }

 private:
  Result<Bytes> load(const ChunkId& id, ChunkKind kind) {
    const MutexLock lock(mutex_);
    if (!reader_) {
      index_ = TRY(open_local_index(repository_));
      TRY(load_index_to_read(repository_, *index_));
      reader_ = std::make_unique<ChunkReader>(repository_, *index_);
    }
    return reader_->load(id, kind);
  }

  const Repository& repository_;
  Mutex mutex_;
  std::optional<LocalIndex> index_ GUARDED_BY(mutex_);
  std::unique_ptr<ChunkReader> reader_ GUARDED_BY(mutex_);
};

class Backup {
 public:
  Backup(const Repository& repository, const BackupOptions& options, Observer& observer)
      : repository_(repository),
        options_(options),
        observer_(observer),
        split_key_(split_key(repository)),
        chunker_key_(chunker_seed(repository)),
        batches_(kQueuedBatches) {}

  Result<BackupResult> run();

 private:
  Result<void> find_targets();
  Result<void> refuse_own_places(const UntouchablePlaces& places) const;
  Result<void> walk(const Filter& filter);
  Result<void> store_stream();
  void read_files(ChunkWriter::Lane& lane, const ContentContext& context, SavedChunks& saved);
  Result<void> queue(FileJob job);
  void flush_batch();
  Result<void> finish();
  Snapshot describe() const;
  ChunkSink tree_sink() {
    return
        [this](ChunkKind kind, ByteSpan plaintext) { return writer_->store_tree(kind, plaintext); };
  }

  const Repository& repository_;
  const BackupOptions& options_;
  Observer& observer_;
  const PrfKey split_key_;
  const ChunkerKey chunker_key_;
  std::vector<WalkTarget> targets_;
  OwnerNames owners_;
  Failure failure_;
  std::optional<LocalIndex> index_;
  std::unique_ptr<WriterSession> session_;
  std::unique_ptr<ChunkWriter> writer_;
  std::optional<FileStatesReader> known_;
  std::unique_ptr<FileStatesWriter> states_;
  std::uint64_t states_root_ = 0;
  BoundedQueue<Batch> batches_;
  Batch batch_;
  std::uint64_t batch_bytes_ = 0;
  std::atomic<std::uint64_t> files_new_ = 0, files_changed_ = 0;
  BackupResult result_;
};

Result<BackupResult> Backup::run() {
  allow_many_open_files();
  result_.started = repository_.now();
  FilterOptions selection = options_.filter;
  if (!repository_.cache_folder().empty())
    selection.own_folders.push_back({repository_.cache_folder(), "lagan's cache"});
  const Filter filter = TRY(Filter::create(selection));
  TRY(find_targets());
  TRY(refuse_own_places(UntouchablePlaces(selection.own_folders)));
  TRY(check_length(describe(), true));

  observer_.begin(Phase::index);
  index_ = TRY(open_local_index(repository_));
  SessionId session_id{repository_.random_id().bytes};
  if (options_.dry_run) {
    index_->set_condemned(TRY(load_distrusted(repository_)));
    TRY(load_index(repository_, *index_));
  } else {
    session_ = TRY(WriterSession::begin(repository_, *index_, Purpose::backup, options_.host));
    session_id = session_->id();
    for (const std::string& damaged : session_->loaded().damaged)
      observer_.note("index: " + damaged);
  }
  const std::string states = states_path(repository_, options_.host, targets_);
  if (!states.empty() && options_.stream < 0) {
    known_ = FileStatesReader::open(states, repository_);
    if (!options_.dry_run) states_ = std::make_unique<FileStatesWriter>(states, repository_);
  }
  ChunkWriterOptions writer_options = options_.writer;
  writer_options.discard = options_.dry_run;
  if (known_ && options_.adapt_compression) writer_options.thorough_bytes = kThoroughBytes;
  writer_ = std::make_unique<ChunkWriter>(repository_, *index_, session_id, writer_options);
  if (known_) result_.parent = known_->snapshot();
  if (options_.force) known_.reset();

  observer_.begin(Phase::files);
  auto stored = options_.stream >= 0 ? store_stream() : walk(filter);
  if (stored) stored = finish();
  if (!stored && session_) {
    // What was collected so far is worth keeping if the run was stopped, not if the repository
    // failed.
    if (stored.error().code == ErrorCode::cancelled || stored.error().code == ErrorCode::not_found)
      (void)writer_->flush();
    (void)session_->abandon();
  }
  if (!stored) return fail(std::move(stored).error());
  return std::move(result_);
}

Result<void> Backup::find_targets() {
  if (options_.stream >= 0) {
    targets_ = {{"/" + options_.stream_name}};
    return {};
  }
  if (options_.paths.empty())
    return fail(ErrorCode::invalid_argument, "there is nothing to back up: name a path");
  bool is_any_there = false;
  for (std::size_t i = 0; i < options_.paths.size(); ++i) {
    WalkTarget target{TRY(normalise_target(options_.paths[i]))};
    if (!options_.sources.empty()) target.source = TRY(normalise_target(options_.sources[i]));
    const std::string& place = target.source.empty() ? target.path : target.source;
    struct stat status {};
    const bool is_there = ::lstat(place.c_str(), &status) == 0;
    is_any_there = is_any_there || is_there;
    // The walk meets what may be there and cannot be looked at, and tells it.
    if (!is_there && (errno == ENOENT || errno == ENOTDIR)) {
      ++observer_.progress.errors;
      observer_.trouble(options_.paths[i], system_error("stat", errno));
      continue;
    }
    if (options_.read_special && is_there && S_ISLNK(status.st_mode))
      target.source = special_behind(place);
    targets_.push_back(std::move(target));
  }
  if (!is_any_there) return fail(ErrorCode::not_found, "none of the paths to back up exists");
  std::ranges::sort(targets_, {}, &WalkTarget::path);
  const auto is_same = [](const WalkTarget& a, const WalkTarget& b) { return a.path == b.path; };
  targets_.erase(std::unique(targets_.begin(), targets_.end(), is_same), targets_.end());
  return {};
}

// What must never be saved must not be named either.
Result<void> Backup::refuse_own_places(const UntouchablePlaces& places) const {
  if (options_.stream >= 0) return {};
  for (const WalkTarget& target : targets_) {
    const std::string& path = target.source.empty() ? target.path : target.source;
    const std::string_view place = places.own_place_of(path);
    if (!place.empty()) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("{} is never backed up: it is {}; name another path", path, place));
    }
  }
  return {};
}

Result<void> Backup::walk(const Filter& filter) {
  // A pipe that nobody writes to must not hold up the end of a run that has failed.
  const std::function<bool()> is_over = [this] {
    return options_.is_stopped() || failure_.happened();
  };
  const ContentContext content{
      repository_.bundle().chunker,
      chunker_key_,
      repository_.bundle().inline_max,
      tree_sink(),
      is_over,
      [this](std::uint64_t bytes) { observer_.progress.bytes_done += bytes; }};
  auto& special_lane = writer_->make_data_lane();
  ContentReader special(content, special_lane);

  SavedChunks saved(repository_);
  std::vector<std::jthread> readers;
  TRY(start_threads(readers, reader_count(options_),
                    [&] { read_files(writer_->make_data_lane(), content, saved); }));
  std::optional<SourceScan> scan;
  if (known_) {
    // Close enough, and free.
    observer_.progress.files_total = known_->files();
    observer_.progress.bytes_total = known_->bytes();
  } else if (options_.scan && observer_.wants_totals()) {
    scan.emplace(targets_, filter, observer_.progress);
  }
  Walker walker(
      {.split_key = split_key_,
       .filter = filter,
       .signs = {!options_.ignore_ctime, !options_.ignore_inode},
       .reread = {options_.reread_period, known_ ? known_->started() : 0, result_.started},
       .observer = observer_,
       .owners = owners_,
       .failure = failure_,
       .known = known_ ? &*known_ : nullptr,
       .states = states_.get(),
       .tree_sink = tree_sink(),
       .store_value =
           [&](ByteSpan value) {
             auto stored = special.store_value(value);
             if (!stored) failure_.set(stored.error());
             return stored;
           },
       .read_special = options_.read_special,
       .knows = [this](const ChunkId& id) { return writer_->knows(id); },
       .queue_file = [this](FileJob job) { return queue(std::move(job)); },
       .flush_files = [this] { flush_batch(); },
       .is_stopped = options_.is_stopped});
  const auto walked = walker.walk(targets_, [this](FolderTask::Finished finished) {
    result_.root = finished.subtree;
    states_root_ = finished.folder_at;
  });
  if (!walked) failure_.set(walked.error());
  walked ? batches_.close() : batches_.abandon();
  readers.clear();  // joins
  TRY(failure_.check());

  Summary& summary = result_.summary;
  const WalkCounts& counts = walker.counts();
  summary.files_new = files_new_;
  summary.files_changed = files_changed_;
  summary.files_unmodified = counts.files_unchanged;
  summary.dirs_new = counts.dirs_new;
  summary.dirs_changed = counts.dirs_changed;
  summary.dirs_unmodified = counts.dirs_unchanged;
  return {};
}

Result<void> Backup::queue(FileJob job) {
  if (!job.saved) ++(job.was_known ? files_changed_ : files_new_);
  batch_bytes_ += job.status.size;
  batch_.push_back(std::move(job));
  if (batch_.size() >= kBatchFiles || batch_bytes_ >= kBatchBytes) flush_batch();
  return failure_.check();
}

void Backup::flush_batch() {
  if (!batch_.empty()) batches_.push(std::exchange(batch_, {}));
  batch_bytes_ = 0;
}

// A reader thread.
void Backup::read_files(ChunkWriter::Lane& lane, const ContentContext& context,
                        SavedChunks& saved) {
  FileStorer storer(context, lane, observer_, owners_, saved.source());
  while (auto batch = batches_.pop()) {
    for (const FileJob& job : *batch) {
      auto stored = failure_.check();
      if (stored && options_.is_stopped()) stored = fail(ErrorCode::cancelled, "interrupted");
      if (stored) stored = storer.store(job);
      if (!stored) {
        failure_.set(std::move(stored).error());
        batches_.abandon();
        return;
      }
    }
  }
}

Result<void> Backup::store_stream() {
  const ContentContext content{
      repository_.bundle().chunker,
      chunker_key_,
      repository_.bundle().inline_max,
      tree_sink(),
      options_.is_stopped,
      [this](std::uint64_t bytes) { observer_.progress.bytes_done += bytes; }};
  ContentReader reader(content, writer_->make_data_lane());
  SourceStatus status;
  status.mode = 0644;
  status.uid = ::getuid();
  status.gid = ::getgid();
  const Nanoseconds time = options_.time.value_or(result_.started);
  status.mtime = time / 1'000'000'000;
  status.mtime_ns = static_cast<std::uint32_t>(time % 1'000'000'000);
  Entry entry = entry_of(options_.stream_name, status, owners_);
  auto outcome = TRY(reader.read_stream(options_.stream, entry));
  if (outcome.source_error) return fail(std::move(*outcome.source_error).in("read standard input"));
  if (options_.stream_ended) TRY(options_.stream_ended());
  if (options_.is_stopped()) return fail(ErrorCode::cancelled, "interrupted");
  if (entry.size == 0 && options_.stream_ended) {
    return fail(ErrorCode::invalid_argument,
                "the command printed nothing: that is more likely a mistake than a backup");
  }
  DirectoryBuilder builder(split_key_, tree_sink());
  TRY(builder.add(entry.name, encode(entry)));
  result_.root = {TRY(builder.finish()), 1, 0, entry.size};
  result_.summary.files_new = 1;
  return {};
}

Snapshot Backup::describe() const {
  Snapshot snapshot;
  snapshot.root = result_.root;
  snapshot.started = result_.started;
  snapshot.finished = result_.finished;
  snapshot.time = options_.time.value_or(result_.started);
  snapshot.utc_offset_minutes = utc_offset_minutes(snapshot.time);
  snapshot.host = options_.host;
  snapshot.user = options_.user;
  snapshot.uid = ::getuid();
  snapshot.gid = ::getgid();
  for (const WalkTarget& target : targets_) snapshot.paths.push_back(target.path);
  snapshot.tags = options_.tags;
  snapshot.label = options_.label;
  for (const PatternFlag& pattern : options_.filter.patterns) {
    if (!pattern.is_file) snapshot.excludes.push_back(pattern.text);
  }
  if (result_.parent) snapshot.parents = {*result_.parent};
  snapshot.program = program_name();
  snapshot.summary = result_.summary;
  return snapshot;
}

Result<void> Backup::finish() {
  observer_.begin(Phase::commit);
  TRY(writer_->settle());
  const bool has_news = writer_->has_stored();
  result_.finished = repository_.now();
  result_.stored = writer_->totals();
  result_.errors = observer_.progress.errors;
  Summary& summary = result_.summary;
  summary.errors = result_.errors;
  summary.bytes_processed = result_.root.content_bytes;
  summary.data_added = result_.stored.data_raw_bytes + result_.stored.tree_raw_bytes;
  summary.data_stored = result_.stored.data_stored_bytes + result_.stored.tree_stored_bytes;
  summary.data_chunks = result_.stored.data_chunks;
  summary.tree_chunks = result_.stored.tree_chunks;
  if (options_.dry_run) return {};

  if (options_.skip_if_unchanged && !has_news && result_.parent) {
    // A parent that is forgotten, or that nobody has proved whole, is no backup to rely on.
    const SnapshotList list = TRY(list_snapshots(repository_));
    const auto is_equal = [&](const StoredSnapshot& stored) {
      return stored.id == *result_.parent && stored.verified &&
             stored.snapshot.root.id == result_.root.id;
    };
    if (std::ranges::any_of(list.snapshots, is_equal)) return session_->abandon();
  }
  // Who commits looks for it all the same, but what is put before has a copy of it.
  if (has_news && result_.parent) {
    const auto parent = repository_.storage().stat(names::snapshot(*result_.parent));
    if (!parent) result_.parent.reset();
  }
  Snapshot snapshot = describe();
  snapshot.session = session_->id();
  // A root record in the tree packs gives the snapshot back if its own object is lost.
  if (has_news) snapshot.root_record = TRY(writer_->flush(encode_root_record(snapshot)));
  result_.stored = writer_->totals();
  TRY(session_->commit(snapshot, options_.writer));
  result_.snapshot = session_->id();
  SeenSnapshots::note(repository_, session_->id());
  if (states_) {
    states_->commit(session_->id(), states_root_, result_.root.files, result_.root.content_bytes,
                    result_.started);
  }
  return {};
}

}  // namespace

Result<BackupResult> backup(const Repository& repository, const BackupOptions& options,
                            Observer& observer) {
  return Backup(repository, options, observer).run();
}

}  // namespace lagan
