// SPDX-License-Identifier: Apache-2.0
#include "crypto/random.h"

#include "crypto/native.h"

namespace lagan {

void system_random(MutableByteSpan out) {
  if (out.empty()) return;  // libsodium takes no null pointer
  start_sodium();
  randombytes_buf(out.data(), out.size());
}

}  // namespace lagan
