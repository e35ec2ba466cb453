// SPDX-License-Identifier: Apache-2.0
#pragma once

// The prefilter: finds candidates, positions whose 16-byte window hash starts with the secret bits,
// and asks the judge about each. One function per instruction set, all with the same answer.
// Internal to the chunker.
//
// This header is also included by files compiled for AVX2 and AVX-512. An inline function shared
// with them could end up in the program in its AVX form and crash an older CPU, so it holds plain
// data only and those files use no function of the standard library.

#include <cstddef>
#include <cstdint>

namespace lagan {

class Judge;

struct ScanKey {
  const std::uint16_t* table;  // 256 entries
  const std::uint16_t* low;    // 16 entries, by a byte's low half
  const std::uint16_t* high;   // 16 entries, by its high half
  std::uint16_t mask;          // the top prefilter_bits bits
  std::uint16_t wanted;        // what a candidate has there
};

// The first position in [from, to) that the judge accepts, or `to`. data[from - 64, to) must be
// readable.
using Scan = std::size_t(const ScanKey& key, const std::byte* data, std::size_t from,
                         std::size_t to, Judge& judge);

Scan scan_portable, scan_avx2, scan_avx512, scan_neon;

}  // namespace lagan
