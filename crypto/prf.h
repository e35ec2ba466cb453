// SPDX-License-Identifier: Apache-2.0
#pragma once

// SipHash-2-4 (Aumasson and Bernstein, 2012) with 64 bits of output: the keyed function that
// decides cut points and node splits. libsodium's.

#include <array>
#include <cstddef>
#include <cstdint>

#include "util/bytes.h"

namespace lagan {

using PrfKey = std::array<std::byte, 16>;

// The 8 output bytes read as a little-endian number.
std::uint64_t siphash24(const PrfKey& key, ByteSpan data);

}  // namespace lagan
