// SPDX-License-Identifier: Apache-2.0
#pragma once

// Walks the source in name order, depth first, on one thread. What looks unchanged is taken over
// from the last run; regular files that must be read become jobs; everything else is finished here.
// Keeps to the targets, leaves out what the filter says, and follows no symlinks but those that the
// user wrote before one.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "repo/chunk_writer.h"
#include "repo/tree.h"
#include "src/engine/device_identities.h"
#include "src/engine/file_states.h"
#include "src/engine/filter.h"
#include "src/engine/folder_task.h"
#include "src/engine/observer.h"
#include "src/engine/reread_schedule.h"
#include "src/engine/source_entry.h"

namespace lagan {

// What the last run saved of a file that looks unchanged.
struct SavedFile {
  enum class Use {
    take,     // its content is as it was, only the attributes are read anew
    compare,  // the content is read to see whether it still is what was saved
  };
  Use use = Use::take;
  SourceStatus status;
  std::string message, listed;
  int chunk_class = -1;
};

// A regular file to be read, or what `status` says is read as if it were one.
struct FileJob {
  std::shared_ptr<FolderTask> folder;
  std::size_t number = 0;
  std::string name;
  std::string source = {};  // where it lies, if not under its name in the folder
  SourceStatus status;
  std::optional<std::uint64_t> hardlink = {};
  int previous_class = -1;
  bool was_known = false;
  std::optional<SavedFile> saved = {};
  std::string path() const { return folder->path == "/" ? "/" + name : folder->path + "/" + name; }
};

// What a changed file is told by.
struct ChangeSigns {
  bool ctime = true, inode = true;
};

// A path to save. `source` is where it lies if that is elsewhere than where it is saved: a snapshot
// of the file system, mounted for the backup.
struct WalkTarget {
  std::string path;
  std::string source = {};
};

struct WalkCounts {
  std::uint64_t files_unchanged = 0, dirs_new = 0, dirs_changed = 0, dirs_unchanged = 0;
};

struct WalkContext {
  const PrfKey& split_key;
  const Filter& filter;
  ChangeSigns signs;
  RereadSchedule reread;
  Observer& observer;
  OwnerNames& owners;
  Failure& failure;
  const FileStatesReader* known = nullptr;  // of the last run
  FileStatesWriter* states = nullptr;       // of this one
  ChunkSink tree_sink;
  StoreValue store_value;
  bool read_special = false;  // the content of devices and pipes, as if they were files
  std::function<bool(const ChunkId&)> knows;        // is this chunk in the repository?
  std::function<Result<void>(FileJob)> queue_file;  // waits while too many wait
  std::function<void()> flush_files;
  const std::function<bool()>& is_stopped;
};

class Walker {
 public:
  explicit Walker(WalkContext context);
  ~Walker();

  // `targets` are absolute, normalised (see normalise_target) and sorted. `finished` is called by
  // whichever thread completes the last entry. Targets that do not exist are reported as trouble.
  Result<void> walk(const std::vector<WalkTarget>& targets,
                    std::function<void(FolderTask::Finished)> finished);

  // Read once all is finished.
  const WalkCounts& counts() const { return counts_; }

 private:
  struct Target;
  struct Here;
  struct Place;
  using FolderPtr = std::shared_ptr<FolderTask>;

  Result<void> visit(Here& here, const std::string& name, const Target* target);
  Result<void> visit_folder(Here& here, const std::string& name, const Place& place,
                            const SourceStatus& listed, const Decision& decision,
                            const Target* target);
  Result<void> visit_file(Here& here, const std::string& name, const Place& place,
                          const SourceStatus& status);
  Result<void> visit_special(Here& here, const std::string& name, const Place& place,
                             const SourceStatus& status);
  Result<void> read_special(Here& here, const std::string& name, const Place& place,
                            const SourceStatus& status);
  Result<void> fill(Here& here, const std::vector<std::string>& names, const Target& target);

  std::vector<std::string> names_to_visit(Here& here, const Target& target, bool is_quiet);
  Result<SourceStatus> look_at(const Place& place, bool leads_on) const;
  Result<void> read_folder_attributes(int folder, const std::string& path, const KnownEntry* known,
                                      const SourceStatus& status, Entry& entry);
  bool has_all_chunks(const KnownEntry& known) const;
  bool take_over(Here& here, const KnownEntry& known, const SourceStatus& status);
  bool is_grouped_so(const KnownEntry& known, const SourceStatus& status);
  void note_device(const FolderPtr& parent, const SourceStatus& status);
  std::optional<std::uint64_t> hardlink_group(const SourceStatus& status);
  void trouble(const std::string& path, const Error& error);
  void trouble_in(Here& here, const std::string& path, const Error& error);
  void tell_item(const std::string& path, ItemChange change, std::uint64_t size = 0);
  Filter::Note note() const;

  WalkContext context_;
  WalkCounts counts_;
  DeviceIdentities devices_;
  // For folders that lead to a target in the snapshot and are not there in the source.
  std::optional<SourceStatus> stand_in_;
  std::size_t depth_ = 0;
};

// An absolute path without "." , ".." or double slashes, relative to the current folder. Symlinks
// in it stay as they are.
Result<std::string> normalise_target(std::string_view path);

}  // namespace lagan
