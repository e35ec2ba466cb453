// SPDX-License-Identifier: Apache-2.0
#include "crypto/secret.h"

#include <cstring>
#include <utility>

#include "crypto/native.h"

namespace lagan {

SecretBytes::SecretBytes(std::size_t size) : size_(size) {
  if (size == 0) return;
  start_sodium();
  // Where RLIMIT_MEMLOCK is used up this still succeeds, with pages that may be swapped out: a
  // backup that runs is worth more.
  data_ = static_cast<std::byte*>(sodium_malloc(size));
  LAGAN_ASSERT(data_ != nullptr);
  std::memset(data_, 0, size);
}

SecretBytes::SecretBytes(SecretBytes&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
  if (this != &other) {
    sodium_free(data_);
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

// sodium_free wipes first.
SecretBytes::~SecretBytes() { sodium_free(data_); }

SecretBytes SecretBytes::copy_of(ByteSpan from) {
  SecretBytes copy(from.size());
  if (!from.empty()) std::memcpy(copy.data_, from.data(), from.size());
  return copy;
}

SecretKey::SecretKey(SecretKey&& other) noexcept : bytes_(other.bytes_) { wipe(other.bytes_); }

SecretKey& SecretKey::operator=(SecretKey&& other) noexcept {
  if (this != &other) {
    bytes_ = other.bytes_;
    wipe(other.bytes_);
  }
  return *this;
}

SecretKey::~SecretKey() { wipe(bytes_); }

SecretKey SecretKey::copy() const {
  SecretKey copy;
  copy.bytes_ = bytes_;
  return copy;
}

LockedMemory::LockedMemory(MutableByteSpan memory) : memory_(memory) {
  (void)sodium_mlock(memory.data(), memory.size());
}

LockedMemory::~LockedMemory() { sodium_munlock(memory_.data(), memory_.size()); }

void wipe(MutableByteSpan memory) { sodium_memzero(memory.data(), memory.size()); }

bool equal_in_constant_time(ByteSpan a, ByteSpan b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace lagan
