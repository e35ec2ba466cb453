// SPDX-License-Identifier: Apache-2.0
#pragma once

// BLAKE3 (https://github.com/BLAKE3-team/BLAKE3-specs): the one hash function of the formats, for
// object names, chunk ids (keyed) and key derivation. The official C implementation, never our own.

#include <array>
#include <cstddef>
#include <memory>
#include <string_view>

#include "crypto/secret.h"
#include "util/bytes.h"

namespace lagan {

using Hash = std::array<std::byte, 32>;

Hash hash(ByteSpan data);

// keyed_hash over data ‖ suffix. `data` is read where it lies.
Hash keyed_hash(const SecretKey& key, ByteSpan data, ByteSpan suffix = {});

// derive_key with context "lagan v1 " + label; fills all of `out` (the extendable output).
void derive_key(std::string_view label, ByteSpan material, MutableByteSpan out);
SecretKey derive_key(std::string_view label, ByteSpan material);

// The unkeyed hash in steps.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  void update(ByteSpan data);
  Hash finish() const;  // of all so far; may go on afterwards

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lagan
