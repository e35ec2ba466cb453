// SPDX-License-Identifier: Apache-2.0
#include "src/engine/source_scan.h"

#include <fcntl.h>

#include <algorithm>

#include "src/engine/source_folder.h"
#include "util/threads.h"

namespace lagan {
namespace {

void ignore_note(const std::string&) {}

// A target below another is counted with that, except for what a pattern keeps from it there.
bool is_below_any(const std::string& path, const std::vector<WalkTarget>& targets) {
  return std::ranges::any_of(targets, [&](const WalkTarget& target) {
    return path != target.path && path.starts_with(target.path == "/" ? "/" : target.path + "/");
  });
}

}  // namespace

SourceScan::SourceScan(std::vector<WalkTarget> targets, const Filter& filter, Progress& progress)
    : filter_(filter) {
  // Without it there are no totals.
  (void)start_threads(
      thread_, 1, [this, targets = std::move(targets), &progress](const std::stop_token& stop) {
        for (const WalkTarget& target : targets) {
          if (is_below_any(target.path, targets)) continue;
          const FolderRules rules = filter_.above(target.path);
          const std::string& source = target.source.empty() ? target.path : target.source;
          count({AT_FDCWD, 0, rules}, source, target.path, true, stop);
        }
        if (stop.stop_requested()) return;
        progress.files_total = totals_.files;
        progress.bytes_total = totals_.bytes;
      });
}

void SourceScan::count(const Folder& parent, const std::string& name, const std::string& path,
                       bool is_target, const std::stop_token& stop) {
  const auto status = source_status(parent.descriptor, name.c_str());
  if (stop.stop_requested() || !status) return;
  Decision decision;
  if (!is_target && !filter_.keeps_all_in(parent.rules))
    decision = filter_.judge(parent.rules, path, *status);
  if (decision.fate == Decision::Fate::leave_out) return;
  if (status->kind != EntryKind::directory) {
    ++totals_.files;
    if (status->kind == EntryKind::file) totals_.bytes += status->size;
    return;
  }
  const std::uint64_t device = is_target ? status->device : parent.device;
  if (filter_.one_file_system() && status->device != device) return;
  const File folder = open_source_folder(parent.descriptor, name.c_str());
  if (!folder.is_open()) return;
  if (!is_target && !filter_.why_closed(folder.descriptor(), path, *status, device).empty()) return;
  const auto names = list_names(folder.descriptor());
  if (!names || (!is_target && filter_.marker_in(folder.descriptor(), *names) != nullptr)) return;
  const FolderRules rules =
      filter_.inside(parent.rules, decision, folder.descriptor(), path, *names, ignore_note);
  const Folder here{folder.descriptor(), status->device, rules};
  for (const std::string& each : *names) count(here, each, join_path(path, each), false, stop);
}

}  // namespace lagan
