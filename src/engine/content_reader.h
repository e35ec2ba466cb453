// SPDX-License-Identifier: Apache-2.0
#pragma once

// Reads the content of files, cuts it into chunks and stores them. Holes are found where the file
// system tells them and stay holes. One thread each.

#include <cstdint>
#include <functional>
#include <stop_token>

#include "chunker/chunker.h"
#include "repo/chunk_writer.h"
#include "repo/tree.h"
#include "util/bytes.h"

namespace lagan {

// What all readers of one backup share.
struct ContentContext {
  const ChunkerParams& params;
  const ChunkerKey& key;
  std::uint32_t inline_max;
  ChunkSink tree_sink;  // for list nodes
  const std::function<bool()>& is_stopped;
  std::function<void(std::uint64_t)> bytes_read;  // for progress
};

class ContentReader {
 public:
  ContentReader(const ContentContext& context, ChunkWriter::Lane& lane);

  // A source failure is told apart from a failure of the repository: it is kept in the outcome, and
  // what could not be read is a hole.
  struct Outcome {
    std::uint64_t size = 0;
    int chunk_class = -1;
    std::string listed;  // see KnownEntry
    std::optional<Error> source_error;
  };
  // Content of a regular file of `size` bytes into entry.size and entry.inline_content, slices or
  // list.
  Result<Outcome> read_file(int descriptor, std::uint64_t size, bool may_have_holes,
                            int previous_class, Entry& entry);

  // Everything until the end of a pipe, which may not even have a writer yet.
  Result<Outcome> read_stream(int descriptor, Entry& entry);

  // Stores a value that is in memory already.
  Result<std::vector<Slice>> store_value(ByteSpan value);

 private:
  struct Region {
    std::uint64_t begin = 0, end = 0;
  };
  ContentBuilder new_content();
  // Finishes `entry` and tells what its list names.
  Result<void> finish(ContentBuilder& content, Entry& entry, Outcome& outcome);
  Result<void> read_region(int descriptor, Region region, const Chunker& chunker,
                           ContentBuilder& content, Outcome& outcome);
  // Cuts and stores what is buffered, as far as that is possible; keeps the rest at the front.
  Result<void> store_buffered(const Chunker& chunker, bool is_last, ContentBuilder& content);
  void make_room(const Chunker& chunker);

  const ContentContext& context_;
  ChunkWriter::Lane& lane_;
  std::vector<Chunker> chunkers_;  // one per size class
  Bytes buffer_;
  std::size_t filled_ = 0;
  std::string stored_;  // ids of the chunks and list nodes of the file that is being read
};

}  // namespace lagan
