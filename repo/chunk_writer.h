// SPDX-License-Identifier: Apache-2.0
#pragma once

// Chunks on their way into the repository. What is already there is recognised by its id; the rest
// is collected into blocks of 2 MiB, compressed, sealed, verified, gathered into packs,
// uploaded, and listed in index segments: pack durable, then index durable.
//
//   store() ─► lane: open block ─► queue ─► workers: compress, seal, verify ─► pack ─► uploaders:
//   put, index
//
// The first error of any stage stops all of them and comes back from the next store() and from
// flush().

#include <atomic>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <thread>
#include <vector>

#include "repo/chunk.h"
#include "repo/compression.h"
#include "repo/index_publisher.h"
#include "repo/local_index.h"
#include "repo/pack_assembler.h"
#include "repo/pending_chunks.h"
#include "repo/repository.h"
#include "util/bounded_queue.h"
#include "util/failure.h"
#include "util/mutex.h"

namespace lagan {

struct ChunkWriterOptions {
  std::size_t workers = 2;  // threads that compress and seal; 0: whoever has filled a block does it
  // 0: whoever has completed a pack uploads it. Nothing: as many as help with the storage.
  std::optional<std::size_t> uploaders = std::nullopt;
  int compression_level = 3;  // zstd's
  // The first so many bytes of new file content are compressed at `thorough_level` instead: worth
  // it when little is new.
  std::uint64_t thorough_bytes = 0;
  int thorough_level = 6;
  bool verify = true;               // open each block again before its pack counts
  std::size_t data_pack_bytes = 0;  // 0: as the repository's config says
  bool deduplicate = true;          // false: store also what the index has
  bool discard = false;             // only count what would be stored
};

struct ChunkWriterTotals {
  std::uint64_t data_chunks = 0, tree_chunks = 0;              // new ones
  std::uint64_t data_raw_bytes = 0, tree_raw_bytes = 0;        // their plaintext
  std::uint64_t data_stored_bytes = 0, tree_stored_bytes = 0;  // in blocks
  std::uint64_t pack_bytes = 0;  // uploaded, padding and directories included
  std::uint64_t index_bytes = 0;
};

class ChunkWriter {
 public:
  // `index` is loaded and condemned packs are set. It gains the segments written here; until the
  // writer is gone, only the writer may use it.
  ChunkWriter(const Repository& repository, LocalIndex& index, const SessionId& session,
              const ChunkWriterOptions& options);
  // Abandons what is not flushed.
  ~ChunkWriter();
  ChunkWriter(const ChunkWriter&) = delete;
  ChunkWriter& operator=(const ChunkWriter&) = delete;

  // Where one thread collects its small chunks, in the order it stores them.
  class Lane {
   public:
    Lane(ChunkWriter& writer, ChunkKind kind);
    // Returns the chunk's id; stores the chunk if nobody has.
    Result<ChunkId> store(ByteSpan plaintext);
    // Sends on what is collected.
    Result<void> flush();

   private:
    ChunkWriter& writer_;
    const std::size_t block_bytes_;
    Bytes raw_;
    std::size_t used_ = 0;
    Block block_;
  };
  // One for each thread that stores file content; lives as long as the writer.
  Lane& make_data_lane();

  // Tree nodes come from any thread and share lanes.
  Result<ChunkId> store_tree(ChunkKind kind, ByteSpan plaintext);
  ChunkSink tree_sink() {
    return [this](ChunkKind kind, ByteSpan plaintext) { return store_tree(kind, plaintext); };
  }

  // A whole block of another repository's pack, as it was stored there before it was sealed, so
  // that nothing is compressed again. `block` has codec, kind, raw, lengths and the ids in this
  // repository; the caller has compared the chunks with their ids, and the repository has none of
  // them.
  Result<void> store_block(Block block, Bytes stored);

  // Is there a copy that counts: in the index outside condemned packs, or stored in this session?
  bool knows(const ChunkId& id) const;

  // True once anything new was taken on.
  bool has_stored() const { return blocks_taken_ != 0; }

  // Sends on everything collected and waits until it lies in packs, which need not be full yet:
  // totals() is then exact. No lane may be in use meanwhile.
  Result<void> settle();

  // settle(), then closes the packs and waits until all packs and index segments are acknowledged.
  // No lane may be in use meanwhile. `root_record`, if not empty, becomes the last chunk of the
  // last tree pack.
  Result<std::optional<ChunkId>> flush(std::string_view root_record = {});

  ChunkWriterTotals totals() const;

 private:
  struct Job {
    Bytes raw;
    std::size_t size = 0;
    Block block;
    bool is_stored = false;  // `raw` is what is to be sealed
  };
  struct WorkerScratch;

  bool claim(const ChunkId& id);
  Result<void> submit(Job job);
  Bytes take_buffer(std::size_t size);
  void return_buffer(Bytes buffer);
  void run_worker();
  void work_on(Job job, WorkerScratch& scratch);
  Result<void> process(const Job& job, WorkerScratch& scratch);
  Compressor& compressor_for(const Job& job, WorkerScratch& scratch);
  Result<void> verify(const PackAssembler::Place& place, const Block& block, Aead& aead,
                      WorkerScratch& scratch);
  void run_uploader();
  void finish_pack(FinishedPack pack);
  void upload_complete_packs();
  Result<void> upload(const FinishedPack& pack);
  Result<void> note_published(const SegmentId& id, const Segment& segment);
  void wait_for_jobs();
  void fail_with(Error error);

  const Repository& repository_;
  const ChunkWriterOptions options_;
  mutable std::shared_mutex index_mutex_;  // the index may be searched by many or extended by one
  LocalIndex& index_;
  PendingChunks pending_;
  Failure failure_;
  PackAssembler assembler_;
  IndexPublisher publisher_;

  Mutex lanes_mutex_;
  std::vector<std::unique_ptr<Lane>> data_lanes_ GUARDED_BY(lanes_mutex_);
  Mutex tree_mutex_;
  Lane directory_lane_ GUARDED_BY(tree_mutex_), list_lane_ GUARDED_BY(tree_mutex_),
      root_lane_ GUARDED_BY(tree_mutex_);

  BoundedQueue<Job> jobs_;
  Mutex own_mutex_;
  std::unique_ptr<WorkerScratch> own_scratch_ GUARDED_BY(own_mutex_);  // if there are no workers
  std::atomic<std::uint64_t> blocks_taken_ = 0, bytes_compressed_ = 0;
  Mutex jobs_mutex_;
  Condition jobs_done_;
  std::uint64_t jobs_open_ GUARDED_BY(jobs_mutex_) = 0;
  Mutex buffers_mutex_;
  std::vector<Bytes> buffers_ GUARDED_BY(buffers_mutex_);
  mutable Mutex totals_mutex_;
  ChunkWriterTotals totals_ GUARDED_BY(totals_mutex_);
  std::vector<std::jthread> threads_;
};

}  // namespace lagan
