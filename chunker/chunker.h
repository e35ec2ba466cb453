// SPDX-License-Identifier: Apache-2.0
#pragma once

// Content-defined chunking: FastCDC (Xia et al., USENIX ATC 2016 and TPDS 2020: minimum-size
// skipping, normalised thresholds), keyed and in two stages so that a vector unit can do it: a
// 16-byte window hash is the prefilter, SipHash of the last 32 bytes decides (docs/format.md,
// "Where to cut"). All implementations (portable, AVX2, AVX-512, NEON) cut at the same places. A
// ChunkerKey is immutable and may be shared; all functions are pure.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "chunker/params.h"
#include "crypto/prf.h"
#include "util/bytes.h"

namespace lagan {

// The secret tables. Filled from 82 bytes: A = 16 little-endian u16 at 0, B at 32, SipHash key at
// 64, c = u16 at 80.
struct ChunkerKey {
  static constexpr std::size_t kSeedSize = 82;
  explicit ChunkerKey(std::span<const std::byte, kSeedSize> seed);

  std::array<std::uint16_t, 256> table;  // T[b] = A[b & 15] xor B[b >> 4]
  std::array<std::uint16_t, 16> low, high;
  PrfKey prf;
  std::uint16_t constant;
};

enum class Implementation { portable, avx2, avx512, neon };

// The implementations this CPU can run, portable first, best last.
std::vector<Implementation> available_implementations();

// Cuts for one size class with one implementation (the best by default). The key must outlive it;
// the sizes must be valid (chunker/params.h) and the implementation available. May be shared
// between threads.
class Chunker {
 public:
  Chunker(const ChunkerKey& key, const ChunkSizes& sizes, std::uint32_t prefilter_bits);
  Chunker(const ChunkerKey& key, const ChunkSizes& sizes, std::uint32_t prefilter_bits,
          Implementation implementation);

  const ChunkSizes& sizes() const { return sizes_; }

  // The length of the chunk that starts at data[0]. If `data` is all there is of the stream
  // (`is_last`), the answer may be data.size(). Otherwise data must hold at least sizes().max
  // bytes, so that the cut does not depend on how the stream was sliced. Never 0 for data that is
  // not empty.
  std::size_t next_cut(ByteSpan data, bool is_last) const;

 private:
  const ChunkerKey* key_;
  ChunkSizes sizes_;
  std::uint16_t mask_;
  std::uint64_t strict_, loose_;
  Implementation implementation_;
};

// All cuts of `data` (ends of chunks, ascending, the last is data.size()), found by up to `threads`
// threads, this one among them: each cuts a segment, and where neighbours do not agree yet, the
// left one's cuts run on until they meet. The same cuts as next_cut from the front. If `data` is
// only the front of a stream, the chunks that start at least sizes().max bytes before its end are
// the stream's.
std::vector<std::size_t> find_cuts(const Chunker& chunker, ByteSpan data, std::size_t threads);

}  // namespace lagan
