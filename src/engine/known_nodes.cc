// SPDX-License-Identifier: Apache-2.0
#include "src/engine/known_nodes.h"

#include <fmt/format.h>

#include "repo/tree.h"

namespace lagan {

ChunkSource known_nodes(ChunkSource source) {
  return [source = std::move(source)](const ChunkId& id, ChunkKind kind) -> Result<Bytes> {
    Bytes bytes = TRY(source(id, kind));
    bool has_unknown = false;
    if (kind == ChunkKind::directory) has_unknown = TRY(decode_directory(bytes)).unknown_fields;
    if (kind == ChunkKind::list) has_unknown = TRY(decode_list(bytes)).unknown_fields;
    if (has_unknown) {
      return fail(ErrorCode::unsupported,
                  fmt::format("node {} was written by a later version, which must write it anew",
                              id.short_hex()));
    }
    return bytes;
  };
}

}  // namespace lagan
