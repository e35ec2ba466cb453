// SPDX-License-Identifier: Apache-2.0
#pragma once

// zstd for blocks: one frame without dictionary, window at most 8 MiB. Each object keeps its
// context, so one thread at a time.

#include <cstdint>
#include <memory>

#include "repo/messages.h"
#include "util/bytes.h"
#include "util/result.h"

namespace lagan {

class Compressor {
 public:
  explicit Compressor(int level);  // zstd's levels; 0 compresses nothing
  ~Compressor();
  Compressor(Compressor&&) noexcept;
  Compressor& operator=(Compressor&&) noexcept;

  struct Output {
    Codec codec = Codec::raw;
    ByteSpan bytes;  // `raw` itself, or this object's scratch memory until the next call
  };
  // Raw when a probe of 16 KiB says incompressible, or when compression saves less than 3 %.
  Output compress(ByteSpan raw);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class Decompressor {
 public:
  Decompressor();
  ~Decompressor();
  Decompressor(Decompressor&&) noexcept;
  Decompressor& operator=(Decompressor&&) noexcept;

  // `out` must be filled exactly by exactly one frame; anything else is `corrupt`.
  Result<void> decompress(ByteSpan frame, MutableByteSpan out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lagan
