// SPDX-License-Identifier: Apache-2.0
#pragma once

// Fills files with their content: writes are collected into a window, sorted by pack and block,
// joined into large range reads, and carried out by several threads that open, verify and write,
// but for what a file is found to hold already.
// add() and flush() belong to one thread.

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "repo/chunk_reader.h"
#include "src/engine/observer.h"
#include "src/engine/restored_file.h"
#include "util/bounded_queue.h"

namespace lagan {

class ContentFetcher {
 public:
  ContentFetcher(const Repository& repository, const LocalIndex& index, std::size_t threads,
                 Observer& observer);
  ~ContentFetcher();

  // `slice`, which has an id, belongs at `offset` of `file`.
  void add(const std::shared_ptr<RestoredFile>& file, const Slice& slice, std::uint64_t offset);
  // Sends the window on; it is carried out in the background.
  void flush();
  // Waits for all of it.
  void finish();
  // Of the content that was there already. Read it after finish().
  std::uint64_t bytes_kept() const { return bytes_kept_; }

 private:
  struct Write {
    std::shared_ptr<RestoredFile> file;
    std::uint64_t file_offset = 0;
    ChunkLocation location;
    ChunkId id;
    std::uint32_t offset = 0, length = 0;  // in the chunk
  };
  // Neighbouring blocks of one pack, read at once.
  struct Unit {
    std::vector<Write> writes;
    ByteRange range;
  };
  void run();
  void carry_out(Unit& unit);
  bool is_there(const Write& write);
  static void give_up(const Write& write, const Error& error);
  void write_moved(const Write& write, const Error& error);
  void write_piece(const Write& write, ByteSpan chunk);
  void write_block(ByteSpan raw, std::vector<Write>::iterator begin,
                   std::vector<Write>::iterator end);

  const Repository& repository_;
  const LocalIndex& index_;
  Observer& observer_;
  ChunkReader reader_;
  std::atomic<std::uint64_t> bytes_kept_ = 0;
  std::vector<Write> window_;
  std::uint64_t window_bytes_ = 0;
  BoundedQueue<Unit> units_;
  std::vector<std::jthread> threads_;
};

}  // namespace lagan
