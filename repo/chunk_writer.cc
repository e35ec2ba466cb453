// SPDX-License-Identifier: Apache-2.0
#include "repo/chunk_writer.h"

#include <fmt/format.h>

#include <algorithm>

#include "repo/limits.h"
#include "repo/names.h"
#include "repo/pack_reader.h"
#include "util/threads.h"

namespace lagan {
namespace {

// Solid blocks compress source trees a third better than chunks alone (decision 0004).
constexpr std::size_t kDataBlockBytes = 2 * limits::kMiB;
constexpr std::size_t kTreeBlockBytes = 256 * limits::kKiB;
// A chunk this large is a block of its own: nothing is gained by waiting for neighbours.
constexpr std::size_t kOwnBlockBytes = 256 * limits::kKiB;
// Blocks that may wait for a worker, in bytes for each of them.
constexpr std::size_t kQueuedBytesPerWorker = 4 * limits::kMiB;
// Each is a pack's memory, taken when it is needed.
constexpr std::size_t kUploadersMax = 3;
constexpr std::size_t kIdleBuffers = 4;

ObjectKind pack_kind(ChunkKind kind) {
  return kind == ChunkKind::data ? ObjectKind::data_pack : ObjectKind::tree_pack;
}

// What no reader would accept must not come into the repository.
Result<void> check_size(ChunkKind kind, std::size_t bytes) {
  const bool is_node = kind == ChunkKind::directory || kind == ChunkKind::list;
  const std::size_t most = is_node ? limits::kNodeBytes : limits::kChunkBytes;
  if (bytes != 0 && bytes <= most) return {};
  return fail(
      ErrorCode::invalid_argument,
      fmt::format("a chunk of {} bytes cannot be stored: it may have 1 to {}", bytes, most));
}

// Whatever the config asks for, several blocks fit, and memory is bounded.
PackSizes pack_sizes(const Config& config, const ChunkWriterOptions& options) {
  const auto usable = [](std::uint64_t bytes) {
    return std::clamp<std::uint64_t>(bytes, 4 * limits::kMiB, 512 * limits::kMiB);
  };
  const std::size_t data =
      usable(options.data_pack_bytes != 0 ? options.data_pack_bytes : config.data_pack_target);
  return {.data_bytes = data, .tree_bytes = std::min(data, usable(config.tree_pack_target))};
}

ChunkWriterOptions with_uploaders(ChunkWriterOptions options, const Storage& storage) {
  if (!options.uploaders) {
    options.uploaders =
        std::clamp<std::size_t>(storage.capabilities().parallel_puts, 1, kUploadersMax);
  }
  return options;
}

}  // namespace

// What a worker keeps from block to block.
struct ChunkWriter::WorkerScratch {
  explicit WorkerScratch(const ChunkWriterOptions& options)
      : compressor(options.compression_level), thorough(options.thorough_level) {}
  Compressor compressor, thorough;
  Decompressor decompressor;
  Bytes opened, raw;
  std::shared_ptr<PackBuilder> pack;  // that `aead` belongs to
  std::optional<Aead> aead;
};

ChunkWriter::Lane::Lane(ChunkWriter& writer, ChunkKind kind)
    : writer_(writer), block_bytes_(kind == ChunkKind::data ? kDataBlockBytes : kTreeBlockBytes) {
  block_.kind = kind;
}

Result<ChunkId> ChunkWriter::Lane::store(ByteSpan plaintext) {
  TRY(check_size(block_.kind, plaintext.size()));
  const ChunkId id = chunk_id(writer_.repository_.bundle().keys.id_key, block_.kind, plaintext);
  if (!writer_.claim(id)) return id;
  if (plaintext.size() >= kOwnBlockBytes) {
    Job job{writer_.take_buffer(plaintext.size()), plaintext.size(), {}, false};
    std::ranges::copy(plaintext, job.raw.data());
    job.block.kind = block_.kind;
    job.block.ids = {id};
    job.block.lengths = {static_cast<std::uint32_t>(plaintext.size())};
    TRY(writer_.submit(std::move(job)));
    return id;
  }
  if (used_ + plaintext.size() > block_bytes_ || block_.ids.size() >= limits::kChunksPerBlock)
    TRY(flush());
  if (raw_.empty()) raw_ = writer_.take_buffer(block_bytes_);
  std::ranges::copy(plaintext, raw_.data() + used_);
  used_ += plaintext.size();
  block_.ids.push_back(id);
  block_.lengths.push_back(static_cast<std::uint32_t>(plaintext.size()));
  return id;
}

Result<void> ChunkWriter::Lane::flush() {
  if (used_ == 0) return {};
  Job job{std::exchange(raw_, Bytes()), std::exchange(used_, 0), std::move(block_), false};
  block_ = Block();
  block_.kind = job.block.kind;
  return writer_.submit(std::move(job));
}

ChunkWriter::ChunkWriter(const Repository& repository, LocalIndex& index, const SessionId& session,
                         const ChunkWriterOptions& options)
    : repository_(repository),
      options_(with_uploaders(options, repository.storage())),
      index_(index),
      // One fills while the others are on their way.
      assembler_(repository, session, pack_sizes(repository.config(), options),
                 std::max<std::size_t>(*options_.uploaders, 1) + 1, failure_),
      publisher_(repository, session,
                 [this](const SegmentId& id, const Segment& segment) {
                   return note_published(id, segment);
                 }),
      directory_lane_(*this, ChunkKind::directory),
      list_lane_(*this, ChunkKind::list),
      root_lane_(*this, ChunkKind::root_record),
      jobs_(kQueuedBytesPerWorker * options.workers) {
  auto started = start_threads(threads_, options.workers, [this] { run_worker(); });
  if (started) started = start_threads(threads_, *options_.uploaders, [this] { run_uploader(); });
  if (!started) fail_with(std::move(started).error());
}

ChunkWriter::~ChunkWriter() {
  fail_with(Error{ErrorCode::cancelled, "the writer is gone", Retry::never, {}});
  threads_.clear();  // joins
}

ChunkWriter::Lane& ChunkWriter::make_data_lane() {
  const MutexLock lock(lanes_mutex_);
  return *data_lanes_.emplace_back(std::make_unique<Lane>(*this, ChunkKind::data));
}

Result<ChunkId> ChunkWriter::store_tree(ChunkKind kind, ByteSpan plaintext) {
  const MutexLock lock(tree_mutex_);
  Lane& lane = kind == ChunkKind::list          ? list_lane_
               : kind == ChunkKind::root_record ? root_lane_
                                                : directory_lane_;
  return lane.store(plaintext);
}

Result<void> ChunkWriter::store_block(Block block, Bytes stored) {
  for (const ChunkId& id : block.ids) pending_.claim(id);
  const std::size_t size = stored.size();
  return submit({std::move(stored), size, std::move(block), true});
}

bool ChunkWriter::knows(const ChunkId& id) const {
  {
    const std::shared_lock lock(index_mutex_);
    if (index_.contains(id)) return true;
  }
  return pending_.contains(id);
}

// Between the two looks an id may move from `pending_` to the index. Then its chunk is stored
// twice, which costs a little room and harms nothing.
bool ChunkWriter::claim(const ChunkId& id) {
  if (options_.deduplicate) {
    const std::shared_lock lock(index_mutex_);
    if (index_.contains(id)) return false;
  }
  return pending_.claim(id);
}

Result<void> ChunkWriter::submit(Job job) {
  TRY(failure_.check());
  ++blocks_taken_;
  if (options_.discard) {
    const MutexLock lock(totals_mutex_);
    const bool is_data = job.block.kind == ChunkKind::data;
    (is_data ? totals_.data_chunks : totals_.tree_chunks) += job.block.ids.size();
    (is_data ? totals_.data_raw_bytes : totals_.tree_raw_bytes) +=
        job.is_stored ? job.block.raw : job.size;
    return_buffer(std::move(job.raw));
    return {};
  }
  if (options_.workers == 0) {
    const MutexLock lock(own_mutex_);
    if (!own_scratch_) own_scratch_ = std::make_unique<WorkerScratch>(options_);
    work_on(std::move(job), *own_scratch_);
    return failure_.check();
  }
  {
    const MutexLock lock(jobs_mutex_);
    ++jobs_open_;
  }
  const std::size_t weight = job.size;
  if (!jobs_.push(std::move(job), weight)) return failure_.check();
  return {};
}

Bytes ChunkWriter::take_buffer(std::size_t size) {
  {
    const MutexLock lock(buffers_mutex_);
    const auto it =
        std::ranges::find_if(buffers_, [&](const Bytes& buffer) { return buffer.size() >= size; });
    if (it != buffers_.end()) {
      Bytes buffer = std::move(*it);
      buffers_.erase(it);
      return buffer;
    }
  }
  return Bytes(std::max(size, kDataBlockBytes));
}

void ChunkWriter::return_buffer(Bytes buffer) {
  const MutexLock lock(buffers_mutex_);
  if (buffer.size() >= kDataBlockBytes && buffers_.size() < kIdleBuffers)
    buffers_.push_back(std::move(buffer));
}

void ChunkWriter::run_worker() {
  WorkerScratch scratch(options_);
  while (auto job = jobs_.pop()) {
    work_on(*std::move(job), scratch);
    const MutexLock lock(jobs_mutex_);
    if (--jobs_open_ == 0) jobs_done_.notify_all();
  }
}

void ChunkWriter::work_on(Job job, WorkerScratch& scratch) {
  if (auto done = process(job, scratch); !done) fail_with(std::move(done).error());
  return_buffer(std::move(job.raw));
  if (*options_.uploaders == 0) upload_complete_packs();
}

Compressor& ChunkWriter::compressor_for(const Job& job, WorkerScratch& scratch) {
  if (options_.thorough_bytes == 0) return scratch.compressor;
  const bool is_early = bytes_compressed_.fetch_add(job.size) < options_.thorough_bytes;
  return is_early ? scratch.thorough : scratch.compressor;
}

Result<void> ChunkWriter::process(const Job& job, WorkerScratch& scratch) {
  const ByteSpan raw = job.raw.span().first(job.size);
  const auto compressed = job.is_stored ? Compressor::Output{job.block.codec, raw}
                                        : compressor_for(job, scratch).compress(raw);
  auto place = TRY(assembler_.reserve(pack_kind(job.block.kind), compressed.bytes.size() + kTagSize,
                                      job.block.ids.size()));
  if (scratch.pack != place.pack) {
    scratch.pack = place.pack;
    scratch.aead = place.pack->make_aead();
  }
  Block block = job.block;
  if (!job.is_stored) block.raw = static_cast<std::uint32_t>(job.size);
  block.codec = compressed.codec;
  const SealedSpan sealed =
      place.pack->seal_block(*scratch.aead, place.slot, compressed.bytes, block);
  if (options_.verify)
    TRY_IN("verifying a block before upload", verify(place, block, *scratch.aead, scratch));

  {
    const MutexLock lock(totals_mutex_);
    const bool is_data = block.kind == ChunkKind::data;
    (is_data ? totals_.data_chunks : totals_.tree_chunks) += block.ids.size();
    (is_data ? totals_.data_raw_bytes : totals_.tree_raw_bytes) += block.raw;
    (is_data ? totals_.data_stored_bytes : totals_.tree_stored_bytes) += block.stored;
  }
  assembler_.commit(std::move(place), sealed, std::move(block));
  return {};
}

// Memory that flips bits, or a faulty compressor, must not get into a repository.
Result<void> ChunkWriter::verify(const PackAssembler::Place& place, const Block& block, Aead& aead,
                                 WorkerScratch& scratch) {
  const std::size_t plain_size = block.stored - kTagSize;
  if (scratch.opened.size() < plain_size)
    scratch.opened = Bytes(std::max(plain_size, kDataBlockBytes));
  const MutableByteSpan opened = scratch.opened.span().first(plain_size);
  TRY(place.pack->open_block(aead, place.slot, block, opened));
  ByteSpan raw = opened;
  if (block.codec == Codec::zstd) {
    if (scratch.raw.size() < block.raw)
      scratch.raw = Bytes(std::max<std::size_t>(block.raw, kDataBlockBytes));
    const MutableByteSpan out = scratch.raw.span().first(block.raw);
    TRY(scratch.decompressor.decompress(opened, out));
    raw = out;
  }
  for (std::size_t i = 0; i < block.ids.size(); ++i) {
    TRY(verify_chunk(repository_.bundle().keys.id_key, block.ids[i], block.kind,
                     raw.first(block.lengths[i])));
    raw = raw.subspan(block.lengths[i]);
  }
  return {};
}

void ChunkWriter::run_uploader() {
  while (auto pack = assembler_.next_complete()) finish_pack(*std::move(pack));
}

void ChunkWriter::upload_complete_packs() {
  while (auto pack = assembler_.next_complete(Wait::no)) finish_pack(*std::move(pack));
}

void ChunkWriter::finish_pack(FinishedPack pack) {
  if (!failure_.happened()) {
    if (auto done = upload(pack); !done) fail_with(std::move(done).error());
  }
  assembler_.release(std::move(pack));
}

Result<void> ChunkWriter::upload(const FinishedPack& pack) {
  const ObjectName name = names::pack(pack.entry.kind, pack.entry.name);
  TRY_IN(name.text(), repository_.storage().put(name, pack.bytes()));
  {
    const MutexLock lock(totals_mutex_);
    totals_.pack_bytes += pack.entry.size;
  }
  return publisher_.add(pack.entry);
}

Result<void> ChunkWriter::note_published(const SegmentId& id, const Segment& segment) {
  {
    const std::unique_lock lock(index_mutex_);
    TRY(index_.add(id, segment));
  }
  for (const PackEntry& pack : segment.packs) {
    for (const Block& block : pack.directory.blocks) pending_.forget(block.ids);
  }
  return {};
}

void ChunkWriter::wait_for_jobs() {
  const MutexLock lock(jobs_mutex_);
  while (jobs_open_ != 0 && !failure_.happened()) jobs_done_.wait(jobs_mutex_);
}

Result<void> ChunkWriter::settle() {
  {
    const MutexLock lock(lanes_mutex_);
    for (const auto& lane : data_lanes_) TRY(lane->flush());
  }
  {
    const MutexLock lock(tree_mutex_);
    TRY(directory_lane_.flush());
    TRY(list_lane_.flush());
    TRY(root_lane_.flush());
  }
  wait_for_jobs();
  return failure_.check();
}

Result<std::optional<ChunkId>> ChunkWriter::flush(std::string_view root_record) {
  TRY(settle());
  std::optional<ChunkId> root;
  if (!root_record.empty()) {
    const MutexLock lock(tree_mutex_);
    root = TRY(root_lane_.store(as_bytes(root_record)));
    TRY(root_lane_.flush());
  }
  wait_for_jobs();
  TRY(failure_.check());
  assembler_.close_open_packs();
  if (*options_.uploaders == 0) upload_complete_packs();
  assembler_.wait_until_released();
  TRY(failure_.check());
  TRY(publisher_.flush());
  return root;
}

ChunkWriterTotals ChunkWriter::totals() const {
  const MutexLock lock(totals_mutex_);
  ChunkWriterTotals totals = totals_;
  totals.index_bytes = publisher_.bytes_put();
  return totals;
}

void ChunkWriter::fail_with(Error error) {
  failure_.set(std::move(error));
  jobs_.abandon();
  assembler_.stop();
  const MutexLock lock(jobs_mutex_);
  jobs_done_.notify_all();
}

}  // namespace lagan
