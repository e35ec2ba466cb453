// SPDX-License-Identifier: Apache-2.0
#pragma once

// Bytes written as hex, keys made of them, and randomness that counts.

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include "crypto/random.h"
#include "crypto/secret.h"
#include "util/bytes.h"
#include "util/hex.h"
#include "util/result.h"

namespace lagan {

inline Bytes bytes_of(std::string_view digits) {
  Bytes bytes(digits.size() / 2);
  LAGAN_ASSERT(from_hex(digits, bytes.span()));
  return bytes;
}

template <std::size_t Size>
std::array<std::byte, Size> array_of(std::string_view digits) {
  std::array<std::byte, Size> bytes;
  LAGAN_ASSERT(from_hex(digits, bytes));
  return bytes;
}

inline SecretKey key_of(std::string_view digits) {
  SecretKey key;
  LAGAN_ASSERT(from_hex(digits, key.span()));
  return key;
}

inline SecretKey key_filled_with(unsigned char value) {
  SecretKey key;
  std::ranges::fill(key.span(), std::byte{value});
  return key;
}

// 00 01 02 … over all calls.
inline Random counting_random() {
  return [next = 0U](MutableByteSpan out) mutable {
    for (std::byte& byte : out) byte = static_cast<std::byte>(next++ & 0xff);
  };
}

inline bool is_zero(ByteSpan bytes) {
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

}  // namespace lagan
