// SPDX-License-Identifier: Apache-2.0
#pragma once

// One backup run: from paths to a snapshot. The pipeline is drawn and built in backup.cc.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "repo/chunk_writer.h"
#include "repo/repository.h"
#include "src/engine/filter.h"
#include "src/engine/observer.h"

namespace lagan {

struct BackupOptions {
  std::vector<std::string> paths;  // as the user wrote them
  // Where each of them lies, if that is elsewhere than where it is saved: in a snapshot of the file
  // system, on a disk of another machine. As many as paths, or none.
  std::vector<std::string> sources;
  // Instead of paths: the content of this descriptor becomes the file `stream_name`.
  int stream = -1;
  std::string stream_name = "stdin";
  // Called when the stream has ended, before anything is committed; an error means no snapshot.
  std::function<Result<void>()> stream_ended;

  std::string host;
  std::string user;
  std::vector<std::string> tags;
  std::string label;
  std::optional<Nanoseconds> time;
  FilterOptions filter;
  bool force = false;             // read every file again
  bool ignore_ctime = false;      // a file with another ctime has the content it had
  bool ignore_inode = false;      // so has one with another inode
  Nanoseconds reread_period = 0;  // in which every unchanged file is read once to compare; 0: never
  bool read_special = false;      // devices and pipes as if they were files
  bool scan = true;               // count ahead, if somebody looks on
  bool skip_if_unchanged = false;  // no snapshot equal to its parent
  bool dry_run = false;

  bool adapt_compression = true;  // compress more thoroughly when little is new
  std::size_t readers = 0;        // threads; 0: by the number of processors
  ChunkWriterOptions writer;
  std::function<bool()> is_stopped = [] { return false; };
};

struct BackupResult {
  std::optional<SnapshotId>
      snapshot;  // none: dry run, or nothing changed and that was to be skipped
  std::optional<SnapshotId> parent;
  Subtree root;
  Summary summary;
  ChunkWriterTotals stored;
  Nanoseconds started = 0, finished = 0;
  std::uint64_t errors = 0;  // files and folders that were not read as they should be
};

// Source trouble goes to the observer and is counted; an error of the repository ends the run and
// is returned. `not_found` if none of the paths exists, `cancelled` if stopped: then what was
// stored is kept for the next run.
Result<BackupResult> backup(const Repository& repository, const BackupOptions& options,
                            Observer& observer);

}  // namespace lagan
