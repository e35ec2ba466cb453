// SPDX-License-Identifier: Apache-2.0
#pragma once

// One folder on its way into the repository. The walker announces entries in name order; whoever
// has an entry ready, on whatever thread, completes it; entries are written out in order as soon as
// all before them are there. When the last one is, the folder completes itself in its parent.

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "repo/tree.h"
#include "src/engine/file_states.h"
#include "util/failure.h"
#include "util/file.h"
#include "util/mutex.h"

namespace lagan {

// A finished entry.
struct DoneEntry {
  std::string name;
  std::string message;  // encoded
  SourceStatus status;  // as the next run is to find it
  int chunk_class = -1;
  std::string listed = {};      // see KnownEntry
  std::uint64_t folder_at = 0;  // of a folder, as is
  Subtree below = {};
};

class FolderTask {
 public:
  struct Finished {
    Subtree subtree;
    std::uint64_t folder_at = 0;
    bool is_partial = false;  // see miss_some()
  };
  // `finished` is called once, by the thread that completes the last entry. `states` may be null.
  FolderTask(const PrfKey& split_key, ChunkSink sink, FileStatesWriter* states, Failure& failure,
             std::function<void(Finished)> finished);

  // Walker only: announces the next entry and returns its number.
  std::size_t expect();
  // Walker only: the next entry, complete already. Nothing: it is left out.
  void add(std::optional<DoneEntry> entry);
  // Walker only: there may be more in the folder than could be looked at.
  void miss_some() { is_partial_ = true; }
  bool misses_some() const { return is_partial_; }
  // Walker only: no more entries come.
  void close();
  // Nothing: the entry is left out.
  void complete(std::size_t number, std::optional<DoneEntry> entry);

  // The open folder, for reading its files; shared by jobs that outlive the walker's visit.
  File folder;
  std::string path;

 private:
  struct Slot {
    bool ready = false;
    std::optional<DoneEntry> entry;
  };
  Result<void> write_ready() REQUIRES(mutex_);
  Result<void> write(const DoneEntry& entry) REQUIRES(mutex_);
  void advance(bool& finish_now, Finished& result) REQUIRES(mutex_);

  Failure& failure_;
  const std::function<void(Finished)> finished_;
  FileStatesWriter* const states_;
  Mutex mutex_;
  DirectoryBuilder builder_ GUARDED_BY(mutex_);
  FileStatesWriter::Folder known_ GUARDED_BY(mutex_);
  Subtree subtree_ GUARDED_BY(mutex_);
  std::deque<Slot> slots_ GUARDED_BY(mutex_);
  std::size_t first_ GUARDED_BY(mutex_) = 0;  // number of slots_.front()
  bool closed_ GUARDED_BY(mutex_) = false;
  bool is_partial_ = false;  // settled when it is closed
};

}  // namespace lagan
