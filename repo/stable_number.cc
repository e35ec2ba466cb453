// SPDX-License-Identifier: Apache-2.0
#include "repo/stable_number.h"

namespace lagan {

std::uint64_t stable_number(const PrfKey& split_key, ByteSpan bytes) {
  return siphash24(split_key, bytes);
}

}  // namespace lagan
