// SPDX-License-Identifier: Apache-2.0
#pragma once

// For the sources of this folder only: our spans as the C libraries want them, and libsodium made
// ready.

#include <sodium.h>

#include "util/bytes.h"
#include "util/result.h"

namespace lagan {

inline const unsigned char* input(ByteSpan bytes) {
  return static_cast<const unsigned char*>(static_cast<const void*>(bytes.data()));
}
inline unsigned char* output(MutableByteSpan bytes) {
  return static_cast<unsigned char*>(static_cast<void*>(bytes.data()));
}

// Before the first use of libsodium's generator, allocator or curves; any thread, as often as one
// likes.
inline void start_sodium() {
  static const bool started = sodium_init() >= 0;
  LAGAN_ASSERT(started);
}

}  // namespace lagan
