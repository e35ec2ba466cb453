// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the source looked like at the last backup: for each folder, its entries with size, times and
// inode beside the encoded tree entry. An entry that still looks the same is taken over as it
// stands, without being opened. Kept in the local cache, written while the backup runs and put in
// place after its snapshot is; each part carries a keyed checksum, so damage costs only a re-read.
//
// The file is a tree of folder records that is written from the leaves up: a record names its sub
// folders' records by offset. Of a large folder most entries lie in earlier records, whose offsets
// its own begins with, so that neither writing nor reading has it in memory whole. Reading goes
// down beside the walk.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "repo/repository.h"
#include "src/engine/source_entry.h"
#include "util/file.h"
#include "util/id.h"
#include "util/mutex.h"

namespace lagan {

struct KnownEntry {
  std::string_view name;
  SourceStatus status;          // kind, size, inode, mtime, ctime
  std::string_view message;     // the encoded tree entry
  std::string_view listed;      // ids of the chunks that its list nodes name, one after another
  std::uint64_t folder_at = 0;  // a folder's own record; 0 for none
  int chunk_class = -1;         // size class a file was cut with; -1 for none
};

class FileStatesReader;

// One folder of the last run. Entries ascend by name; each is good until the next is asked for.
class FolderStates {
 public:
  // The entry `name`, if it was there; names must be asked for in ascending order.
  const KnownEntry* find(std::string_view name);
  // All of them. After that the first name may be asked for.
  void for_each(const std::function<void(const KnownEntry&)>& each);

 private:
  friend class FileStatesReader;
  bool is_last() const { return current_ + 1 >= records_.size(); }
  void go_to(std::size_t number);

  const FileStatesReader* reader_ = nullptr;
  std::vector<std::uint64_t> records_;  // where they lie
  std::size_t current_ = 0;             // of these: the one in memory
  Bytes bytes_;
  std::vector<KnownEntry> entries_;
  std::size_t next_ = 0;
};

class FileStatesReader {
 public:
  // Nothing if there is no usable file.
  static std::optional<FileStatesReader> open(const std::string& path,
                                              const Repository& repository);

  const SnapshotId& snapshot() const { return snapshot_; }
  std::uint64_t files() const { return files_; }
  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t root_at() const { return root_at_; }
  Nanoseconds started() const { return started_; }  // of that run

  // The folder whose record lies at `at`; empty if that is 0 or damaged.
  FolderStates folder(std::uint64_t at) const;

 private:
  friend class FolderStates;
  // The payload of the record at `at`; empty if it is damaged.
  Bytes record(std::uint64_t at) const;

  File file_;
  const Repository* repository_ = nullptr;
  SnapshotId snapshot_;
  Nanoseconds started_ = 0;
  std::uint64_t root_at_ = 0, files_ = 0, bytes_ = 0, size_ = 0;
};

// Writes the states of the run that goes on. Errors of the cache are kept quiet: a failed writer
// only means that commit() leaves no file. Any thread may add folders.
class FileStatesWriter {
 public:
  FileStatesWriter(std::string path, const Repository& repository);
  ~FileStatesWriter();

  // One folder's entries, as far as they are not written.
  class Folder {
    friend class FileStatesWriter;
    std::string entries_;
    std::vector<std::uint64_t> records_;  // where the others lie
  };
  void add(Folder& folder, std::string_view name, const SourceStatus& status,
           std::string_view message, std::string_view listed, std::uint64_t folder_at,
           int chunk_class);
  // Returns the record's offset, for the folder's entry in its parent.
  std::uint64_t put(const Folder& folder);

  // The snapshot is stored: puts the file in place.
  void commit(const SnapshotId& snapshot, std::uint64_t root_at, std::uint64_t files,
              std::uint64_t bytes, Nanoseconds started);

 private:
  std::uint64_t put_record(const std::vector<std::uint64_t>& earlier, std::string_view entries);
  void write(ByteSpan bytes) REQUIRES(mutex_);

  const std::string path_, temporary_;
  const Repository& repository_;
  Mutex mutex_;
  File file_ GUARDED_BY(mutex_);
  std::string buffer_ GUARDED_BY(mutex_);
  std::uint64_t size_ GUARDED_BY(mutex_) = 0;
  bool failed_ GUARDED_BY(mutex_) = false;
};

}  // namespace lagan
