// SPDX-License-Identifier: Apache-2.0
#include "chunker/judge.h"
#include "chunker/scan.h"

namespace lagan {

std::size_t scan_portable(const ScanKey& key, const std::byte* data, std::size_t from,
                          std::size_t to, Judge& judge) {
  const std::uint16_t* const table = key.table;
  const std::uint32_t mask = key.mask;
  const std::uint32_t wanted = key.wanted;
  // The hash of the 16 bytes up to a position is the low half of this number. What is shifted
  // further up is never looked at, which saves cutting it off at each step.
  const auto rolled = [=](std::uint32_t hash, std::size_t at) {
    return (hash << 1) + table[std::to_integer<std::size_t>(data[at])];
  };
  const auto warmed_up = [=](std::size_t at) {
    std::uint32_t hash = 0;
    for (std::size_t i = at - 16; i < at; ++i) hash = rolled(hash, i);
    return hash;
  };

  std::uint32_t hash = warmed_up(from);
  while (from < to) {
    hash = rolled(hash, from);
    if ((hash & mask) != wanted) {
      ++from;
      continue;
    }
    const std::size_t next = judge.consider(from);
    if (next == from) return from;
    if (next > from + 1) hash = warmed_up(next);
    from = next;
  }
  return to;
}

}  // namespace lagan
