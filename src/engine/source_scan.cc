// SPDX-License-Identifier: Apache-2.0
#include "src/engine/source_scan.h"

#include <fcntl.h>

#include "src/engine/source_folder.h"

namespace lagan {

SourceScan::SourceScan(std::vector<std::string> targets, const Filter& filter, bool one_file_system,
                       Progress& progress)
    : filter_(filter),
      one_file_system_(one_file_system),
      thread_([this, targets = std::move(targets), &progress](const std::stop_token& stop) {
        for (const std::string& target : targets) count(AT_FDCWD, target, target, true, stop);
        if (stop.stop_requested()) return;
        progress.files_total = totals_.files;
        progress.bytes_total = totals_.bytes;
      }) {}

void SourceScan::count(int parent, const std::string& name, const std::string& path, bool is_target,
                       const std::stop_token& stop) {
  const auto status = source_status(parent, name.c_str());
  if (stop.stop_requested() || !status) return;
  if (!is_target && !filter_.is_empty() && filter_.excludes(path, *status)) return;
  if (is_target) device_ = status->device;
  if (status->kind != EntryKind::directory) {
    ++totals_.files;
    if (status->kind == EntryKind::file) totals_.bytes += status->size;
    return;
  }
  if (one_file_system_ && status->device != device_) return;
  const File folder = open_source_folder(parent, name.c_str());
  if (!folder.is_open()) return;
  if (!is_target && filter_.excludes_content_of(folder.descriptor())) return;
  const auto names = list_names(folder.descriptor());
  if (!names) return;
  for (const std::string& each : *names)
    count(folder.descriptor(), each, join_path(path, each), false, stop);
}

}  // namespace lagan
