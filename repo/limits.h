// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a reader accepts at most, checked before anything is allocated (docs/format.md, "Limits").

#include <cstddef>
#include <cstdint>

namespace lagan::limits {

constexpr std::size_t kKiB = 1024;
constexpr std::size_t kMiB = 1024 * kKiB;

constexpr std::size_t kBootBytes = 4 * kKiB;
constexpr std::size_t kSlotBytes = 64 * kKiB;
constexpr std::size_t kSlotsTried = 64;
constexpr std::size_t kSmallBodyBytes = kMiB;  // config, session, fence, ok
constexpr std::size_t kSnapshotBytes = 16 * kMiB;
constexpr std::size_t kCondemnedBytes = 64 * kMiB;  // and forgotten
constexpr std::size_t kSegmentBytes = 256 * kMiB;
constexpr std::size_t kPackEntryBytes = 17 * kMiB;
constexpr std::size_t kNodeBytes = kMiB;  // directory or list node
constexpr std::size_t kEntryBytes = 256 * kKiB;
constexpr std::size_t kNameBytes = 4096;
constexpr std::size_t kLinkTargetBytes = 65'535;
constexpr std::uint64_t kFileBytes = std::uint64_t{1} << 62;
constexpr std::size_t kZstdWindowLog = 23;  // 8 MiB
constexpr std::size_t kChunkBytes = 8 * kMiB;
constexpr std::size_t kBlockRawBytes = 8 * kMiB;
constexpr std::size_t kChunksPerBlock = 65'536;
constexpr std::size_t kBlocksPerPack = 65'536;
constexpr std::size_t kChunksPerPack = 262'144;
constexpr std::size_t kSealedDirectoryBytes = 16 * kMiB;
constexpr std::size_t kPackBytesMin = 4 * kKiB;
constexpr std::size_t kPackBytesMax = 1024 * kMiB;
constexpr std::uint32_t kNodeLevel = 7;
constexpr std::size_t kPathDepth = 4096;
constexpr std::size_t kXattrsPerEntry = 1024;
constexpr std::size_t kXattrValueBytes = 64 * kMiB;
constexpr std::uint32_t kArgonMemoryKib = 4 * 1024 * 1024;
constexpr std::uint32_t kArgonPasses = 64;

}  // namespace lagan::limits
