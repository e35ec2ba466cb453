// SPDX-License-Identifier: Apache-2.0
#include "mount/report_folder.h"

#include <algorithm>

namespace lagan {

std::optional<NodeId> ReportFolder::find(std::string_view name) {
  const auto it = std::ranges::find(kFiles, name, &File::name);
  return it != kFiles.end() ? std::optional(it->id) : std::nullopt;
}

bool ReportFolder::is_file(NodeId id) {
  return std::ranges::find(kFiles, id, &File::id) != kFiles.end();
}

ReportFolder::Content ReportFolder::content(NodeId) const {
  ErrorLog::State state = errors_.state();
  return {std::move(state.text), state.changed};
}

}  // namespace lagan
