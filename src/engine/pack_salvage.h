// SPDX-License-Identifier: Apache-2.0
#pragma once

// What can still be had of a pack, whatever is damaged in it: by its own directory or, where the
// index lists it, by the index's copy of that. Every block is tried by itself, and every chunk is
// compared with its id, so what comes out is right. One thread.

#include <functional>
#include <string>
#include <vector>

#include "repo/messages.h"
#include "repo/repository.h"
#include "src/engine/listed_packs.h"

namespace lagan {

struct Salvage {
  std::vector<std::string> troubles;  // empty: the pack is whole
  bool has_directory = false;         // false: nothing tells where its blocks lie
  // Some of it was refused by the storage rather than found to be wrong: it may be read another
  // day.
  bool may_be_whole = false;
  std::uint64_t good_chunks = 0;
  std::vector<ChunkId> bad_chunks;
};

using EachSalvaged = std::function<Result<void>(ChunkKind, ByteSpan)>;

// Calls `each` for every good chunk. `indexed`: what the index lists of it, or null. A pack that is
// not there is `not_found`; other errors are those of `each`, or of a storage that is away.
Result<Salvage> salvage_pack(const Repository& repository, const PackId& id, const ListedPack& pack,
                             const PackEntry* indexed, const EachSalvaged& each);

}  // namespace lagan
