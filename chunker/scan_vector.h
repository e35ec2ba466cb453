// SPDX-License-Identifier: Apache-2.0
#pragma once

// The scan for vector units of any width. The window hash of 16 bytes is a sum that doubles in four
// steps, each for all lanes at once (T is ChunkerKey::table):
//
//     S1(i) = T[byte i]      S2(i)  = S1(i) + (S1(i-1) << 1)      S4(i) = S2(i) + (S2(i-2) << 2)
//                            S8(i)  = S4(i) + (S4(i-4) << 4)      h(i)  = S8(i) + (S8(i-8) << 8)
//
// and T comes from two 16-entry tables that a byte shuffle looks up. `Lanes`, one type per
// instruction set in an unnamed namespace (so that nothing compiled here is shared with other
// files), offers:
//
//     static constexpr std::size_t kBytes           bytes per step
//     explicit Lanes(const ScanKey&)
//     std::uint64_t step(const std::byte* at)       one bit for each of kBytes bytes: candidate or
//     not;
//                                                   right if the previous step was for the bytes
//                                                   before

#include "chunker/judge.h"
#include "chunker/scan.h"

namespace lagan {

template <typename Lanes>
std::size_t scan_vector(const ScanKey& key, const std::byte* data, std::size_t from, std::size_t to,
                        Judge& judge) {
  Lanes lanes(key);
  while (to - from >= Lanes::kBytes) {
    lanes.step(data + from - Lanes::kBytes);
    bool jumped = false;
    while (!jumped && to - from >= Lanes::kBytes) {
      const std::size_t block = from;
      std::uint64_t candidates = lanes.step(data + block);
      from += Lanes::kBytes;
      while (candidates != 0) [[unlikely]] {
          const std::size_t position =
              block + static_cast<std::size_t>(__builtin_ctzll(candidates));
          const std::size_t next = judge.consider(position);
          if (next == position) return position;
          jumped = next > block + Lanes::kBytes;
          if (jumped) from = next;
          if (next >= block + Lanes::kBytes) break;
          candidates &= ~std::uint64_t{0} << (next - block);
        }
    }
  }
  return scan_portable(key, data, from, to, judge);
}

}  // namespace lagan
