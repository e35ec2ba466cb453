// SPDX-License-Identifier: Apache-2.0
#include "util/suggest.h"

#include <algorithm>

namespace lagan {
namespace {

// Longer words are no slip of the fingers, and the table grows with both lengths.
constexpr std::size_t kLongestWord = 64;
// Two letters begin too many words.
constexpr std::size_t kShortestBeginning = 3;

}  // namespace

std::size_t typing_distance(std::string_view a, std::string_view b) {
  // Rows of the usual table: distances between beginnings of `a` and of `b`.
  std::vector<std::size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before_last.swap(last);
    last.swap(row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
  }
  return row[b.size()];
}

std::string closest(std::string_view word, const std::vector<std::string>& candidates) {
  if (word.empty() || word.size() > kLongestWord) return {};
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = typing_distance(word, candidate);
    if (distance == 0) return {};
    // A word of one or two letters has lost all of itself.
    if (distance >= best_distance || distance >= word.size()) continue;
    best = candidate;
    best_distance = distance;
  }
  if (!best.empty() || word.size() < kShortestBeginning) return best;
  for (const std::string& candidate : candidates) {
    if (!candidate.starts_with(word)) continue;
    if (!best.empty()) return {};
    best = candidate;
  }
  return best;
}

}  // namespace lagan
