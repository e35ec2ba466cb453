// SPDX-License-Identifier: Apache-2.0
#include "crypto/hash.h"

#include <blake3.h>

#include <cstring>

#include "crypto/native.h"

namespace lagan {

namespace {

static_assert(sizeof(Hash) == BLAKE3_OUT_LEN && SecretKey::kSize == BLAKE3_KEY_LEN);

constexpr std::string_view kContextPrefix = "lagan v1 ";

void finish_into(const blake3_hasher& hasher, MutableByteSpan out) {
  blake3_hasher_finalize(&hasher, output(out), out.size());
}

}  // namespace

Hash hash(ByteSpan data) {
  blake3_hasher hasher;
  blake3_hasher_init(&hasher);
  blake3_hasher_update(&hasher, data.data(), data.size());
  Hash out;
  finish_into(hasher, out);
  return out;
}

// Runs once per chunk. The hasher is 2 KiB and not wiped: what it leaves on the stack is the key,
// which outlives it in `key` anyway.
Hash keyed_hash(const SecretKey& key, ByteSpan data, ByteSpan suffix) {
  blake3_hasher hasher;
  blake3_hasher_init_keyed(&hasher, input(key.span()));
  blake3_hasher_update(&hasher, data.data(), data.size());
  blake3_hasher_update(&hasher, suffix.data(), suffix.size());
  Hash out;
  finish_into(hasher, out);
  return out;
}

void derive_key(std::string_view label, ByteSpan material, MutableByteSpan out) {
  std::array<char, 64> context;
  const std::size_t context_size = kContextPrefix.size() + label.size();
  LAGAN_ASSERT(context_size <= context.size());
  std::memcpy(context.data(), kContextPrefix.data(), kContextPrefix.size());
  std::memcpy(context.data() + kContextPrefix.size(), label.data(), label.size());

  blake3_hasher hasher;
  blake3_hasher_init_derive_key_raw(&hasher, context.data(), context_size);
  blake3_hasher_update(&hasher, material.data(), material.size());
  finish_into(hasher, out);
  // Its buffer still holds the material.
  wipe(std::as_writable_bytes(std::span(&hasher, 1)));
}

SecretKey derive_key(std::string_view label, ByteSpan material) {
  SecretKey key;
  derive_key(label, material, key.span());
  return key;
}

struct Hasher::State {
  blake3_hasher hasher;
};

Hasher::Hasher() : state_(std::make_unique<State>()) { blake3_hasher_init(&state_->hasher); }
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::update(ByteSpan data) {
  blake3_hasher_update(&state_->hasher, data.data(), data.size());
}

Hash Hasher::finish() const {
  Hash out;
  finish_into(state_->hasher, out);
  return out;
}

}  // namespace lagan
