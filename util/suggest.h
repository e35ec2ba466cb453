// SPDX-License-Identifier: Apache-2.0
#pragma once

// What somebody who mistyped a word may have meant. Pure functions.

#include <string>
#include <string_view>
#include <vector>

namespace lagan {

// How many letters were left out, added, replaced or swapped with their neighbour (Damerau and
// Levenshtein; no letter is touched twice).
std::size_t typing_distance(std::string_view a, std::string_view b);

// The candidate that is closest to the word: at most one slip in three letters, or the only one
// that begins with the word. Empty if none is, or if the word is one of them.
std::string closest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace lagan
