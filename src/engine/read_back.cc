// SPDX-License-Identifier: Apache-2.0
#include "src/engine/read_back.h"

#include <fcntl.h>

#include "src/engine/existing_content.h"

namespace lagan {

Result<void> read_back(
    const ChunkSource& source, const SecretKey& id_key, int descriptor, const Entry& entry,
    const std::function<void(std::uint64_t offset, std::uint64_t length)>& differs) {
  // Cheaper than fsync, which would wait for a journal once for each file.
  (void)::sync_file_range(
      descriptor, 0, 0,
      SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
  (void)::posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
  if (!entry.inline_content.empty()) {
    if (!holds_bytes(descriptor, 0, as_bytes(entry.inline_content))) differs(0, entry.size);
    return {};
  }
  std::uint64_t offset = 0;
  return for_each_slice(source, entry, [&](const Slice& slice) -> Result<void> {
    bool is_right = false;
    if (!slice.id) {
      is_right = holds_zeros(descriptor, offset, slice.length);
    } else if (slice.offset == 0 &&
               holds_chunk(descriptor, offset, *slice.id, slice.length, id_key)) {
      is_right = true;
    } else if (const auto chunk = source(*slice.id, ChunkKind::data);
               chunk && slice.offset + slice.length <= chunk->size()) {
      // Perhaps only a part of the chunk: its id does not prove that.
      is_right = holds_bytes(descriptor, offset, chunk->span().subspan(slice.offset, slice.length));
    }
    if (!is_right) differs(offset, slice.length);
    offset += slice.length;
    return {};
  });
}

}  // namespace lagan
