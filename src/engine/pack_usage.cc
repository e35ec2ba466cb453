// SPDX-License-Identifier: Apache-2.0
#include "src/engine/pack_usage.h"

#include <unordered_map>
#include <utility>

namespace lagan {

Result<std::vector<PackUsage>> count_pack_usage(const LocalIndex& index, const LiveChunks& live) {
  std::vector<PackUsage> usage;
  std::unordered_map<std::uint32_t, std::size_t> places;  // in `usage`, by pack number
  TRY(index.for_each_pack([&](const LocalIndex::PackSummary& pack) -> Result<void> {
    places[pack.pack_number] = usage.size();
    usage.push_back({.name = pack.name, .kind = pack.kind, .size = pack.size});
    return {};
  }));
  // Chunks come pack by pack and block by block.
  std::optional<std::pair<std::uint32_t, std::uint32_t>> last_block;
  TRY(index.for_each_chunk([&](const ChunkId&, const ChunkLocation& at) -> Result<void> {
    const auto place = places.find(at.pack_number);
    if (place == places.end()) return {};
    PackUsage& pack = usage[place->second];
    const std::pair block(at.pack_number, at.block_number);
    if (block != last_block) {
      pack.stored_bytes += at.stored;
      pack.needed_bytes += at.stored;
      last_block = block;
    }
    ++pack.chunks;
    if (live.is_needed(at.number)) {
      ++pack.needed_chunks;
    } else {
      pack.needed_bytes -= std::uint64_t{at.stored} * at.chunk_length / at.raw;
    }
    return {};
  }));
  return usage;
}

}  // namespace lagan
