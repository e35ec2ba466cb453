// SPDX-License-Identifier: Apache-2.0
#include "crypto/prf.h"

#include "crypto/native.h"
#include "util/coding.h"

namespace lagan {

static_assert(sizeof(PrfKey) == crypto_shorthash_siphash24_KEYBYTES);

// Plain arithmetic that needs no start_sodium(): the chunker calls this often.
std::uint64_t siphash24(const PrfKey& key, ByteSpan data) {
  std::array<std::byte, crypto_shorthash_siphash24_BYTES> out;
  crypto_shorthash_siphash24(output(out), input(data), data.size(), input(key));
  return load_le<std::uint64_t>(out.data());
}

}  // namespace lagan
