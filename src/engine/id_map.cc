// SPDX-License-Identifier: Apache-2.0
#include "src/engine/id_map.h"

#include <unistd.h>

#include <cerrno>

namespace lagan {

Result<IdMap> IdMap::create() { return IdMap(TRY(create_unnamed_file())); }

Result<void> IdMap::set(std::uint64_t number, const ChunkId& id) {
  return write_all_at(file_.descriptor(), id.span(), number * ChunkId::kSize);
}

// What was never written is zeros or beyond the end, and no hash is zeros.
Result<std::optional<ChunkId>> IdMap::get(std::uint64_t number) const {
  ChunkId id{};
  const std::size_t got = TRY(read_at(file_.descriptor(), id.bytes, number * ChunkId::kSize));
  if (got != ChunkId::kSize || id == ChunkId{}) return std::nullopt;
  return id;
}

Result<void> IdMap::clear() {
  if (::ftruncate(file_.descriptor(), 0) == 0) return {};
  return fail(system_error("empty a temporary file", errno));
}

}  // namespace lagan
