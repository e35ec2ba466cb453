// SPDX-License-Identifier: Apache-2.0
#pragma once

// Walks the source in name order, depth first, on one thread. What looks unchanged is taken over
// from the last run; regular files that must be read become jobs; everything else is finished here.
// Never leaves a target, and follows no symlinks but those that the user wrote before one.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "repo/chunk_writer.h"
#include "repo/tree.h"
#include "src/engine/file_states.h"
#include "src/engine/filter.h"
#include "src/engine/folder_task.h"
#include "src/engine/observer.h"
#include "src/engine/source_entry.h"

namespace lagan {

// A regular file to be read.
struct FileJob {
  std::shared_ptr<FolderTask> folder;
  std::size_t number = 0;
  std::string name;
  SourceStatus status;
  std::optional<std::uint64_t> hardlink;
  int previous_class = -1;
  bool was_known = false;
  std::string path() const { return folder->path == "/" ? "/" + name : folder->path + "/" + name; }
};

struct WalkCounts {
  std::uint64_t files_unchanged = 0, dirs_new = 0, dirs_changed = 0, dirs_unchanged = 0;
};

struct WalkContext {
  const PrfKey& split_key;
  const Filter& filter;
  bool one_file_system = false;
  Observer& observer;
  OwnerNames& owners;
  Failure& failure;
  const FileStatesReader* known = nullptr;  // of the last run
  FileStatesWriter* states = nullptr;       // of this one
  ChunkSink tree_sink;
  StoreValue store_value;
  std::function<bool(const ChunkId&)> knows;        // is this chunk in the repository?
  std::function<Result<void>(FileJob)> queue_file;  // waits while too many wait
  std::function<void()> flush_files;
  const std::function<bool()>& is_stopped;
};

class Walker {
 public:
  explicit Walker(WalkContext context);
  ~Walker();

  // `targets` are absolute and normalised (see normalise_target). `finished` is called by whichever
  // thread completes the last entry. Targets that do not exist are reported as trouble.
  Result<void> walk(const std::vector<std::string>& targets,
                    std::function<void(FolderTask::Finished)> finished);

  // Read once all is finished.
  const WalkCounts& counts() const { return counts_; }

 private:
  struct Target;
  using FolderPtr = std::shared_ptr<FolderTask>;

  Result<void> visit(const FolderPtr& parent, const char* name, FolderStates* known,
                     const Target* target, std::uint64_t device);
  Result<void> enter(const FolderPtr& parent, const std::string& name, const SourceStatus& status,
                     const KnownEntry* known, const Target* target);
  Result<void> fill(const FolderPtr& folder, FolderStates known, const Target* target,
                    std::uint64_t device);
  Result<void> finish_special(const FolderPtr& parent, const std::string& name,
                              const SourceStatus& status);
  bool has_all_chunks(const KnownEntry& known) const;
  bool take_over(const FolderPtr& parent, const KnownEntry& known, const SourceStatus& status);
  void note_device(const FolderPtr& parent, const SourceStatus& status);
  std::optional<std::uint64_t> hardlink_group(const SourceStatus& status);
  void trouble(const FolderPtr& parent, const std::string& path, const Error& error);

  WalkContext context_;
  WalkCounts counts_;
  std::unordered_map<std::uint64_t, std::uint64_t> device_identities_;
  std::size_t depth_ = 0;
};

// An absolute path without "." , ".." or double slashes, relative to the current folder. Symlinks
// in it stay as they are.
Result<std::string> normalise_target(std::string_view path);

}  // namespace lagan
