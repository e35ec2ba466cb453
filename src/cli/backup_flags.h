// SPDX-License-Identifier: Apache-2.0
#pragma once

// The flags of `backup`, and what they ask of the engine.

#include <optional>
#include <string>
#include <vector>

#include "src/cli/context.h"
#include "src/engine/backup.h"

namespace lagan::cli {

struct BackupFlags {
  std::vector<std::string> paths, tags;
  std::vector<std::string> files_from, files_from_verbatim, files_from_raw;
  std::string host, time, label, larger_than, reread, as_path, explain;
  std::optional<std::string> stdin_name;
  FilterOptions filter;
  bool force = false, ignore_ctime = false, ignore_inode = false, read_special = false;
  bool skip_if_unchanged = false, dry_run = false, no_scan = false;
  bool from_stdin = false, from_command = false, use_fs_snapshot = false;
  std::size_t readers = 0;

  void add_to(CLI::App& command);

 private:
  friend Result<BackupOptions> backup_options(const Context& context, const BackupFlags& flags);
  struct PatternOption {
    CLI::Option* option = nullptr;
    bool is_file = false, ignore_case = false;
  };
  void add_patterns(CLI::App& command);
  std::vector<PatternFlag> patterns() const;

  std::vector<PatternOption> pattern_options_;
  const CLI::App* command_ = nullptr;
};

// Of flags that contradict each other, or make no sense, an error says which and what to do. Reads
// what --files-from names.
Result<BackupOptions> backup_options(const Context& context, const BackupFlags& flags);

}  // namespace lagan::cli
