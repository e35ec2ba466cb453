// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a decoder must survive: every valid message cut at every length, and with every bit flipped.

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <string_view>

#include "util/bytes.h"

namespace lagan {

// In memory of exactly this size, so that a sanitizer sees the first byte read too many.
template <typename Decode>
auto decode_exactly(std::string_view message, const Decode& decode) {
  const Bytes exact = Bytes::copy_of(as_bytes(message));
  return decode(exact.span());
}

// Calls `decode` with every prefix and every single-bit flip. What it answers does not matter, but
// an error must have a message.
template <typename Decode>
void survives_damage(std::string_view message, const Decode& decode) {
  for (std::size_t size = 0; size < message.size(); ++size) {
    const auto result = decode_exactly(message.substr(0, size), decode);
    if (!result) CHECK(!result.error().message.empty());
  }
  std::string flipped(message);
  for (std::size_t bit = 0; bit < message.size() * 8; ++bit) {
    const auto mask = static_cast<char>(1 << (bit % 8));
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ mask);
    const auto result = decode_exactly(flipped, decode);
    if (!result) CHECK(!result.error().message.empty());
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ mask);
  }
}

}  // namespace lagan
