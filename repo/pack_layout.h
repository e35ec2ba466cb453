// SPDX-License-Identifier: Apache-2.0
#pragma once

// Numbers that writer and reader of packs share (docs/format.md, "Packs").

#include <cstddef>
#include <cstdint>

#include "crypto/aead.h"
#include "crypto/object_key.h"

namespace lagan::pack_layout {

constexpr std::size_t kTrailerSize = 144;
constexpr std::size_t kTrailerPlainSize =
    24;  // u64 offset ‖ u32 sealed size ‖ u32 0 ‖ tail[8] of the directory
constexpr std::size_t kTrailerSealedSize = kTrailerPlainSize + kTagSize;
constexpr std::size_t kTrailerHeaderAt = 48;
constexpr std::uint32_t kDirectoryOrdinal = 0xFFFFFFFF;
constexpr std::uint32_t kTrailerOrdinal = 0xFFFFFFFE;

static_assert(8 + kTrailerSealedSize == kTrailerHeaderAt);
static_assert(kTrailerHeaderAt + kHeaderSize == kTrailerSize);

}  // namespace lagan::pack_layout
