// SPDX-License-Identifier: Apache-2.0
#pragma once

// Decides the candidates that a scan finds in one chunk: SipHash of the last 32 bytes below a
// threshold is a cut. Repeating data (zeros, a pattern) can make every position a candidate with an
// answer already known; the judge notices and lets the scan jump, else such data would cost a
// SipHash per byte. Internal to the chunker. Compiled for the plain CPU: the vector scans call it,
// never inline it.

#include <cstddef>
#include <cstdint>

#include "crypto/prf.h"

namespace lagan {

class Judge {
 public:
  // Candidates are positions in data[0, end), 31 or more, refused unless their SipHash is below
  // `threshold`.
  Judge(const PrfKey& key, std::uint64_t threshold, const std::byte* data, std::size_t end);

  // `position` itself if a cut comes after it. Otherwise where to go on: none of the positions
  // before that is a cut. At most `end`. To be called for every candidate in ascending order,
  // except those jumped over.
  std::size_t consider(std::size_t position);

 private:
  const PrfKey& key_;
  const std::uint64_t threshold_;
  const std::byte* const data_;
  const std::size_t end_;
  // Brent's way to find a cycle: compare with one refused candidate and replace it after 1, 2, 4, 8
  // … others, so that any period is found within about three of its lengths.
  std::size_t anchor_ = 0;  // 0: none yet
  std::size_t until_next_anchor_ = 0;
  std::size_t anchor_lifetime_ = 1;
};

}  // namespace lagan
