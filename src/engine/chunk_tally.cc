// SPDX-License-Identifier: Apache-2.0
#include "src/engine/chunk_tally.h"

#include <algorithm>

namespace lagan {
namespace {

// Below this, sorting again is not worth the memory it saves.
constexpr std::size_t kUnsortedMin = 65'536;

}  // namespace

void ChunkTally::add(std::uint64_t key, std::uint64_t bytes) {
  items_.push_back({key, bytes});
  if (items_.size() >= 2 * sorted_ + kUnsortedMin) sort();
}

void ChunkTally::sort() {
  if (sorted_ == items_.size()) return;
  std::ranges::sort(items_, {}, &Item::key);
  const auto is_same = [](const Item& a, const Item& b) { return a.key == b.key; };
  items_.erase(std::unique(items_.begin(), items_.end(), is_same), items_.end());
  sorted_ = items_.size();
}

ChunkTally::Total ChunkTally::total() {
  sort();
  Total total;
  for (const Item& item : items_) {
    ++total.count;
    total.bytes += item.bytes;
  }
  return total;
}

ChunkTally::Total ChunkTally::total_without(ChunkTally& other) {
  sort();
  other.sort();
  Total total;
  auto theirs = other.items_.begin();
  for (const Item& item : items_) {
    while (theirs != other.items_.end() && theirs->key < item.key) ++theirs;
    if (theirs != other.items_.end() && theirs->key == item.key) continue;
    ++total.count;
    total.bytes += item.bytes;
  }
  return total;
}

std::uint64_t mix_keys(std::uint64_t a, std::uint64_t b) {
  // The finisher of SplitMix64 (https://prng.di.unimi.it/splitmix64.c).
  std::uint64_t mixed = a * 0x9e3779b97f4a7c15 + b;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  return mixed ^ (mixed >> 31);
}

}  // namespace lagan
