// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the simulated writers save: a root with a few folders of a few files, which are drawn from
// small alphabets of folders and contents, so that writers share much of what they store and old
// contents come back.

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "repo/chunk_writer.h"
#include "repo/messages.h"

namespace lagan::sim {

// Folders below this number share their contents; each of the others has its own.
constexpr std::uint32_t kSharedFolders = 12;

struct SmallTree {
  std::vector<std::uint32_t> folders;
};

class SmallTreeStorer {
 public:
  // What was stored earlier and is still known to the writer may be taken over, as change detection
  // does it.
  struct Stored {
    Subtree top;
    std::set<ChunkId> chunks;  // all below, the top's included
  };
  using Memory = std::map<std::uint32_t, Stored>;  // by folder

  SmallTreeStorer(const Repository& repository, ChunkWriter& writer, Memory& memory);

  Result<Stored> store(const SmallTree& tree, bool takes_over);

 private:
  Result<Stored> store_folder(std::uint32_t folder);
  ChunkSink noting(std::set<ChunkId>& chunks);

  const Repository& repository_;
  ChunkWriter& writer_;
  ChunkWriter::Lane& lane_;
  Memory& memory_;
};

}  // namespace lagan::sim
