// SPDX-License-Identifier: Apache-2.0
#pragma once

// Numbers that stand for the same things in every mount of a repository.

#include <cstdint>
#include <string>
#include <string_view>

#include "repo/stable_number.h"
#include "util/coding.h"

namespace lagan {

using NodeId = std::uint64_t;

class Numbers {
 public:
  explicit Numbers(const PrfKey& key) : key_(key) {}

  // Of `text` below what has the number `above`, in one of several spaces. The smallest numbers
  // have meanings of their own, here or for the kernel, and are left out.
  std::uint64_t of(char space, std::uint64_t above, std::string_view text) const {
    std::string bound(1, space);
    append_le(bound, above);
    bound += text;
    const std::uint64_t number = stable_number(key_, as_bytes(bound));
    return number < kSmallest ? number + kSmallest : number;
  }

 private:
  static constexpr std::uint64_t kSmallest = 256;
  const PrfKey key_;
};

}  // namespace lagan
