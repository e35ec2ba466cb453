// SPDX-License-Identifier: Apache-2.0
#pragma once

// Names of things as fixed arrays of bytes. Each kind has a type of its own and none converts into
// another, so the compiler catches a swap.

#include <array>
#include <compare>
#include <cstddef>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "util/bytes.h"
#include "util/hex.h"

namespace lagan {

template <typename Tag, std::size_t Size>
struct Id {
  static constexpr std::size_t kSize = Size;
  std::array<std::byte, Size> bytes{};

  // Nothing if `from` has another size.
  static std::optional<Id> from_bytes(ByteSpan from) {
    if (from.size() != Size) return std::nullopt;
    Id id;
    std::memcpy(id.bytes.data(), from.data(), Size);
    return id;
  }
  static std::optional<Id> from_hex(std::string_view text) {
    Id id;
    if (!lagan::from_hex(text, id.bytes)) return std::nullopt;
    return id;
  }

  ByteSpan span() const { return bytes; }
  std::string hex() const { return to_hex(bytes); }
  std::string short_hex() const { return hex().substr(0, 8); }

  friend auto operator<=>(const Id&, const Id&) = default;
};

using ChunkId = Id<struct ChunkTag, 32>;      // keyed BLAKE3 of a chunk and its kind
using PackId = Id<struct PackTag, 32>;        // BLAKE3 of a pack's bytes
using SegmentId = Id<struct SegmentTag, 32>;  // BLAKE3 of an index segment's bytes
using SnapshotId = Id<struct SnapshotTag, 16>;
using RepositoryId = Id<struct RepositoryTag, 16>;

// A snapshot's name is its session's.
using SessionId = SnapshotId;

}  // namespace lagan

// Ids are hashes or random: their first bytes are as good a hash as any.
template <typename Tag, std::size_t Size>
struct std::hash<lagan::Id<Tag, Size>> {
  std::size_t operator()(const lagan::Id<Tag, Size>& id) const noexcept {
    std::size_t value;
    std::memcpy(&value, id.bytes.data(), sizeof value);
    return value;
  }
};
