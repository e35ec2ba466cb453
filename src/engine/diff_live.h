// SPDX-License-Identifier: Apache-2.0
#pragma once

// What differs between a folder or file of a snapshot and one of the file system. Goes down both
// together; follows no symlink but the one that was named. One thread.

#include "repo/pack_reader.h"
#include "src/engine/diff.h"

namespace lagan {

struct LiveDiffOptions {
  bool metadata = false;  // also tell entries whose attributes alone differ
  // Read every file. Without, one with the size and time that the snapshot knows is the same.
  bool content = false;
  std::function<bool()> is_stopped = [] { return false; };
};

// `before` is compared with what lies at `path`; it is the snapshot's root or anything below. Paths
// are told as they are on the file system. Bytes are those of whole files, chunks are not counted.
Result<DiffResult> diff_live(const ChunkSource& source, const SecretKey& id_key,
                             const Entry& before, const std::string& path,
                             const LiveDiffOptions& options, const DiffVisitor& visitor);

}  // namespace lagan
