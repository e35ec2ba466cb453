// SPDX-License-Identifier: Apache-2.0
#pragma once

// The flags of `backup`, and what they ask of the engine.

#include <optional>
#include <string>
#include <vector>

#include "src/cli/pattern_flags.h"
#include "src/engine/backup.h"

namespace lagan::cli {

struct BackupFlags {
  std::vector<std::string> paths, tags;
  std::vector<std::string> files_from, files_from_verbatim, files_from_raw;
  std::string host, time, label, larger_than, reread, as_path, explain;
  std::optional<std::string> stdin_name;
  FilterOptions filter;
  PatternFlags excludes;
  bool force = false, ignore_ctime = false, ignore_inode = false, read_special = false;
  bool skip_if_unchanged = false, dry_run = false, no_scan = false;
  bool from_stdin = false, from_command = false, use_fs_snapshot = false;
  std::size_t readers = 0;

  void add_to(CLI::App& command);
};

// Of flags that contradict each other, or make no sense, an error says which and what to do. Reads
// what --files-from names.
Result<BackupOptions> backup_options(const Context& context, const BackupFlags& flags);

}  // namespace lagan::cli
