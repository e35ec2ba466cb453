// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the storage tests share: names, contents that can be recognised, listings.

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/storage.h"

namespace lagan {

inline ObjectName name_of(std::string_view text) { return ObjectName::parse(text).value(); }

inline Bytes random_bytes(std::size_t size, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Bytes bytes(size);
  for (std::size_t done = 0; done < size; done += 8) {
    const std::uint64_t number = random();
    std::memcpy(bytes.data() + done, &number, std::min<std::size_t>(8, size - done));
  }
  return bytes;
}

inline bool equal(ByteSpan left, ByteSpan right) { return as_text(left) == as_text(right); }

// "" if the object is there with these bytes, else what is wrong.
inline std::string difference(Storage& storage, const ObjectName& name, ByteSpan expected) {
  const auto found = storage.get(name);
  if (!found) return found.error().message;
  if (equal(*found, expected)) return "";
  return fmt::format("{}: {} other bytes", name.text(), found->size());
}

// The names below `prefix`, sorted, as often as they were listed.
inline Result<std::vector<std::string>> names_below(Storage& storage, std::string_view prefix) {
  std::vector<std::string> names;
  TRY(storage.list(prefix, [&](const ObjectInfo& object) -> Result<void> {
    names.push_back(object.name.text());
    return {};
  }));
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace lagan
