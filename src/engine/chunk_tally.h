// SPDX-License-Identifier: Apache-2.0
#pragma once

// Counts distinct things and the bytes they take, in 16 bytes of memory each: a thing is known by
// 64 bits of its id, which among a hundred million confuses one pair in several thousand runs. For
// figures, not for decisions. One thread.

#include <cstdint>
#include <vector>

#include "util/id.h"

namespace lagan {

class ChunkTally {
 public:
  void add(std::uint64_t key, std::uint64_t bytes);
  void add(const ChunkId& id, std::uint64_t bytes) { add(std::hash<ChunkId>()(id), bytes); }

  struct Total {
    std::uint64_t count = 0, bytes = 0;
  };
  Total total();
  // Of what `other` does not have.
  Total total_without(ChunkTally& other);

 private:
  struct Item {
    std::uint64_t key = 0, bytes = 0;
  };
  void sort();

  std::vector<Item> items_;
  std::size_t sorted_ = 0;  // so many in front are sorted and distinct
};

// One key of several: for a file by its chunks, a chunk by the file it is in.
std::uint64_t mix_keys(std::uint64_t a, std::uint64_t b);

}  // namespace lagan
