// SPDX-License-Identifier: Apache-2.0
#include "chunker/judge.h"

#include <cstring>

namespace lagan {

namespace {

constexpr std::size_t kWindow = 32;

const std::byte* window_at(const std::byte* data, std::size_t position) {
  return data + position + 1 - kWindow;
}

std::uint64_t load_word(const std::byte* from) {
  std::uint64_t word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

// The first position after `position` whose byte differs from the one `period` earlier, or `end`.
std::size_t end_of_repetition(const std::byte* data, std::size_t position, std::size_t period,
                              std::size_t end) {
  std::size_t at = position + 1;
  while (end - at >= 8 && load_word(data + at) == load_word(data + at - period)) at += 8;
  while (at < end && data[at] == data[at - period]) ++at;
  return at;
}

}  // namespace

Judge::Judge(const PrfKey& key, std::uint64_t threshold, const std::byte* data, std::size_t end)
    : key_(key), threshold_(threshold), data_(data), end_(end) {}

std::size_t Judge::consider(std::size_t position) {
  const std::byte* const window = window_at(data_, position);
  // The same 32 bytes stood at the anchor, and no position since was a cut. While bytes go on equal
  // to those one period earlier, each position has the window, and so the answer, of one that is
  // already refused.
  if (anchor_ != 0 && std::memcmp(window, window_at(data_, anchor_), kWindow) == 0) {
    return end_of_repetition(data_, position, position - anchor_, end_);
  }
  if (siphash24(key_, {window, kWindow}) < threshold_) return position;
  if (until_next_anchor_ == 0) {
    anchor_ = position;
    until_next_anchor_ = anchor_lifetime_;
    anchor_lifetime_ *= 2;
  } else {
    --until_next_anchor_;
  }
  return position + 1;
}

}  // namespace lagan
