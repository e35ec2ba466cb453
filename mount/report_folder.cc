// SPDX-License-Identifier: Apache-2.0
#include "mount/report_folder.h"

#include <fmt/format.h>

#include <algorithm>

namespace lagan {

std::optional<NodeId> ReportFolder::find(std::string_view name) {
  const auto it = std::ranges::find(kFiles, name, &File::name);
  return it != kFiles.end() ? std::optional(it->id) : std::nullopt;
}

bool ReportFolder::is_file(NodeId id) {
  return std::ranges::find(kFiles, id, &File::id) != kFiles.end();
}

// All of it is numbers and ids: nothing needs an escape. It is padded to one length, so that who
// has asked for its size reads a whole text, even if another reader has had it made anew meanwhile.
void ReportFolder::tell(const MountState& state) {
  std::string text = fmt::format(
      R"({{
  "repository": "{}",
  "snapshots": {},
  "newest": {},
  "changed": "{}",
  "errors": {},
  "nodes": {},
  "cache": {{
    "contents": {{"bytes": {}, "max_bytes": {}}},
    "folders": {{"bytes": {}, "max_bytes": {}}}
  }}
}}
)",
      state.repository, state.snapshots,
      state.newest.empty() ? "null" : fmt::format("\"{}\"", state.newest), utc_text(state.changed),
      errors_.state().count, state.nodes, state.contents.bytes, state.contents.max_bytes,
      state.folders.bytes, state.folders.max_bytes);
  constexpr std::size_t kLength = 1024;
  if (text.size() < kLength) text.insert(text.size() - 1, kLength - text.size(), ' ');
  const MutexLock lock(mutex_);
  if (text != status_.text) status_ = {std::move(text), clock_()};
}

ReportFolder::Content ReportFolder::content(NodeId file) const {
  if (file == kErrors) {
    ErrorLog::State state = errors_.state();
    return {std::move(state.text), state.changed};
  }
  const MutexLock lock(mutex_);
  return status_;
}

}  // namespace lagan
