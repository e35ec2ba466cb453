// SPDX-License-Identifier: Apache-2.0
#pragma once

// What was used last, up to a weight in bytes. Its owner locks.

#include <cstddef>
#include <list>
#include <unordered_map>
#include <utility>

namespace lagan {

template <typename Key, typename Value>
class LruCache {
 public:
  explicit LruCache(std::size_t max_weight) : max_weight_(max_weight) {}

  // Null if it is not there. Valid until the next put().
  Value* find(const Key& key) {
    const auto it = by_key_.find(key);
    if (it == by_key_.end()) return nullptr;
    items_.splice(items_.begin(), items_, it->second);
    return &it->second->value;
  }

  bool contains(const Key& key) const { return by_key_.contains(key); }

  // The newest stays, however heavy it is.
  Value& put(const Key& key, Value value, std::size_t weight) {
    erase(key);
    items_.push_front({key, std::move(value), weight});
    by_key_[key] = items_.begin();
    weight_ += weight;
    while (weight_ > max_weight_ && items_.size() > 1) erase(Key(items_.back().key));
    return items_.front().value;
  }

  void erase(const Key& key) {
    const auto it = by_key_.find(key);
    if (it == by_key_.end()) return;
    weight_ -= it->second->weight;
    items_.erase(it->second);
    by_key_.erase(it);
  }

  std::size_t weight() const { return weight_; }

 private:
  struct Item {
    Key key;
    Value value;
    std::size_t weight = 0;
  };
  const std::size_t max_weight_;
  std::size_t weight_ = 0;
  std::list<Item> items_;  // most recently used first
  std::unordered_map<Key, typename std::list<Item>::iterator> by_key_;
};

}  // namespace lagan
