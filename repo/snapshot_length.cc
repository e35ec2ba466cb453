// SPDX-License-Identifier: Apache-2.0
#include "repo/snapshot_length.h"

#include <fmt/format.h>

#include "repo/frames.h"
#include "repo/limits.h"

namespace lagan {
namespace {

// What a run finds out until its end takes less.
constexpr std::size_t kRoomForResults = 4 * limits::kKiB;

}  // namespace

Result<void> check_length(const Snapshot& snapshot, bool is_early) {
  const std::size_t length = encode(snapshot).size() + (is_early ? kRoomForResults : 0);
  // So long a message is padded in far larger steps than header and check take.
  if (sealed_frames_size(padded_size(length)) <= limits::kSnapshotBytes) return {};
  return fail(
      ErrorCode::invalid_argument,
      fmt::format("this snapshot would name {} paths, {} patterns and {} tags in {:.1f} MiB, and "
                  "nobody could read it back: name folders instead of each path in them, and put "
                  "patterns into a file (--exclude-file)",
                  snapshot.paths.size(), snapshot.excludes.size(), snapshot.tags.size(),
                  static_cast<double>(length) / limits::kMiB));
}

}  // namespace lagan
