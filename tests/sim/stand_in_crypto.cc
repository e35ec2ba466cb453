// SPDX-License-Identifier: Apache-2.0

// Key agreement, signatures and locked memory that cost nothing, linked in place of
// crypto/exchange.cc, crypto/signature.cc and crypto/secret.cc: they are two thirds of a simulated
// history's time, and what they protect has no enemy there. Sealing, hashing and all formats are
// the real ones.

#include <algorithm>
#include <cstring>

#include "crypto/exchange.h"
#include "crypto/hash.h"
#include "crypto/secret.h"
#include "crypto/signature.h"

namespace lagan {
namespace {

template <typename Out>
void mix(ByteSpan a, ByteSpan b, Out& out) {
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = a[i % a.size()] ^ b[i % b.size()] ^ static_cast<std::byte>(i / 32 + 1);
}

}  // namespace

PublicKey exchange_public_key(const SecretKey& secret) {
  PublicKey key;
  std::ranges::copy(secret.span(), key.begin());
  return key;
}

// The same from both sides, for a public key is its secret.
Result<SecretKey> exchange_secret(const SecretKey& secret, const PublicKey& other) {
  SecretKey shared;
  auto out = shared.span();
  mix(secret.span(), other, out);
  return shared;
}

SigningPublicKey signing_public_key(const SecretKey& seed) {
  SigningPublicKey key;
  std::ranges::copy(seed.span(), key.begin());
  return key;
}

Signature sign(const SecretKey& seed, ByteSpan message) {
  Signature signature;
  mix(seed.span(), hash(message), signature);
  return signature;
}

bool verify(const SigningPublicKey& key, ByteSpan message, const Signature& signature) {
  Signature expected;
  mix(key, hash(message), expected);
  return expected == signature;
}

SecretBytes::SecretBytes(std::size_t size) : data_(new std::byte[size]()), size_(size) {}
SecretBytes::SecretBytes(SecretBytes&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}
SecretBytes::~SecretBytes() { delete[] data_; }
SecretBytes SecretBytes::copy_of(ByteSpan from) {
  SecretBytes copy(from.size());
  std::ranges::copy(from, copy.data_);
  return copy;
}

SecretKey::SecretKey(SecretKey&& other) noexcept : bytes_(other.bytes_) {}
SecretKey& SecretKey::operator=(SecretKey&& other) noexcept {
  bytes_ = other.bytes_;
  return *this;
}
SecretKey::~SecretKey() = default;
SecretKey SecretKey::copy() const {
  SecretKey copy;
  copy.bytes_ = bytes_;
  return copy;
}

LockedMemory::LockedMemory(MutableByteSpan memory) : memory_(memory) {}
LockedMemory::~LockedMemory() = default;
void wipe(MutableByteSpan) {}
bool equal_in_constant_time(ByteSpan a, ByteSpan b) { return std::ranges::equal(a, b); }

}  // namespace lagan
