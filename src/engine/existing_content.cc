// SPDX-License-Identifier: Apache-2.0
#include "src/engine/existing_content.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "repo/limits.h"
#include "repo/pack_reader.h"
#include "util/file.h"

namespace lagan {
namespace {

constexpr std::size_t kPieceBytes = 65'536;
constexpr std::array<std::byte, kPieceBytes> kZeros{};

}  // namespace

bool holds_chunk(int descriptor, std::uint64_t offset, const ChunkId& id, std::uint64_t length,
                 const SecretKey& id_key) {
  if (length > limits::kChunkBytes) return false;
  Bytes there(length);
  const auto got = read_at(descriptor, there.span(), offset);
  return got && *got == length && verify_chunk(id_key, id, ChunkKind::data, there).has_value();
}

bool has_no_hole(int descriptor, std::uint64_t offset, std::uint64_t length) {
  const off_t hole = ::lseek(descriptor, static_cast<off_t>(offset), SEEK_HOLE);
  return hole < 0 || static_cast<std::uint64_t>(hole) >= offset + length;
}

bool is_hole(int descriptor, std::uint64_t offset, std::uint64_t length) {
  const off_t data = ::lseek(descriptor, static_cast<off_t>(offset), SEEK_DATA);
  return data < 0 ? errno == ENXIO : static_cast<std::uint64_t>(data) >= offset + length;
}

bool holds_bytes(int descriptor, std::uint64_t offset, ByteSpan bytes) {
  std::array<std::byte, kPieceBytes> there;
  while (!bytes.empty()) {
    const std::size_t piece = std::min(bytes.size(), there.size());
    const auto got = read_at(descriptor, MutableByteSpan(there).first(piece), offset);
    if (!got || *got != piece || std::memcmp(there.data(), bytes.data(), piece) != 0) return false;
    bytes = bytes.subspan(piece);
    offset += piece;
  }
  return true;
}

bool holds_zeros(int descriptor, std::uint64_t offset, std::uint64_t length) {
  if (is_hole(descriptor, offset, length)) return true;
  for (; length > 0; offset += kPieceBytes) {
    const std::uint64_t piece = std::min<std::uint64_t>(length, kPieceBytes);
    if (!holds_bytes(descriptor, offset, ByteSpan(kZeros).first(piece))) return false;
    length -= piece;
  }
  return true;
}

}  // namespace lagan
