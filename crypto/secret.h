// SPDX-License-Identifier: Apache-2.0
#pragma once

// Secrets in memory. SecretBytes lives in locked pages with guards (for passwords, bundles and
// long-lived keys); SecretKey is 32 bytes anywhere, for keys of one object. Both are wiped when
// they die, neither is copied by accident.

#include <array>
#include <cstddef>
#include <string_view>

#include "util/bytes.h"

namespace lagan {

class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(std::size_t size);  // zeroed; stops the program when memory is out
  SecretBytes(SecretBytes&& other) noexcept;
  SecretBytes& operator=(SecretBytes&& other) noexcept;
  ~SecretBytes();

  static SecretBytes copy_of(ByteSpan from);
  static SecretBytes copy_of(std::string_view from) { return copy_of(as_bytes(from)); }

  MutableByteSpan span() { return {data_, size_}; }
  ByteSpan span() const { return {data_, size_}; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

class SecretKey {
 public:
  static constexpr std::size_t kSize = 32;
  SecretKey() = default;
  SecretKey(SecretKey&& other) noexcept;
  SecretKey& operator=(SecretKey&& other) noexcept;
  ~SecretKey();

  SecretKey copy() const;
  std::span<std::byte, kSize> span() { return bytes_; }
  std::span<const std::byte, kSize> span() const { return bytes_; }

 private:
  std::array<std::byte, kSize> bytes_{};
};

// Keeps memory that holds keys out of the swap file, and wipes it in the end. Declare it before what
// it covers. Where the system allows no more locked memory, only the wiping is left.
class LockedMemory {
 public:
  explicit LockedMemory(MutableByteSpan memory);
  ~LockedMemory();
  LockedMemory(const LockedMemory&) = delete;
  LockedMemory& operator=(const LockedMemory&) = delete;

 private:
  const MutableByteSpan memory_;
};

// Overwrites memory in a way the compiler keeps.
void wipe(MutableByteSpan memory);

// Compares without telling by time where the first difference is.
bool equal_in_constant_time(ByteSpan a, ByteSpan b);

}  // namespace lagan
