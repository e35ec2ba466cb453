// SPDX-License-Identifier: Apache-2.0
#pragma once

// A regular file while it is being restored. New ones are open with holes where nothing is written
// yet; in those that were there, each block is the old one until it is written. Writers hold it;
// the last to let go gives it its attributes and, if it replaces another, its name. Any thread may
// write.

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "repo/tree.h"
#include "src/engine/attributes.h"
#include "src/engine/observer.h"
#include "src/engine/target_folder.h"
#include "util/file.h"
#include "util/mutex.h"
#include "util/result.h"

namespace lagan {

using ReportTrouble = std::function<void(const std::string& path, const Error& error)>;

// The further names of a file with hard links: its trouble is theirs, whenever it comes. Outlives
// the file. Any thread may call anything.
class OtherNames {
 public:
  void add(const std::string& path, const ReportTrouble& report) {
    const MutexLock lock(mutex_);
    paths_.push_back(path);
    if (trouble_) report(path, *trouble_);
  }
  // The file did not get its name: none can be linked to it.
  void lose() { is_lost_ = true; }
  bool is_lost() const { return is_lost_; }
  void damaged(const Error& error, const ReportTrouble& report) {
    const MutexLock lock(mutex_);
    for (const std::string& path : paths_) report(path, error);
    trouble_ = error;
  }

 private:
  std::atomic<bool> is_lost_ = false;
  Mutex mutex_;
  std::vector<std::string> paths_ GUARDED_BY(mutex_);
  std::optional<Error> trouble_ GUARDED_BY(mutex_);
};

// What all files of a restore share.
struct RestoredFileContext {
  AttributeOptions attributes;
  bool sparse = false;  // runs of zeros become holes
  ReportTrouble report;
  // Of files that came to an end, whole or not.
  std::function<void(const std::string& path, ItemChange change, std::uint64_t size)> finished;
  // Reads back what was restored; null: not wanted. Tells each range that is not as it should be.
  std::function<Result<void>(
      int descriptor, const Entry& entry,
      const std::function<void(std::uint64_t offset, std::uint64_t length)>& differs)>
      verify;
};

// Where its content goes.
struct RestoredFilePlace {
  File file;
  ItemChange change = ItemChange::added;     // `unchanged`: until something is written
  Bearer bearer = Bearer::fresh;             // of its attributes
  std::uint64_t old_size = 0;                // of a file that was there
  bool has_old_content = false;              // blocks may be right already
  std::optional<Replacement> replacement{};  // it takes its name when it is complete
  bool keeps_flags_for_later = false;  // more names come, which an immutable file does not take
};

class RestoredFile {
 public:
  // `other_names` is null for a file without hard links.
  RestoredFile(RestoredFilePlace place, std::string path, Entry entry,
               const RestoredFileContext& context, std::shared_ptr<OtherNames> other_names)
      : place_(std::move(place)),
        path_(std::move(path)),
        entry_(std::move(entry)),
        context_(context),
        other_names_(std::move(other_names)) {}
  ~RestoredFile();
  RestoredFile(const RestoredFile&) = delete;
  RestoredFile& operator=(const RestoredFile&) = delete;

  // Before the first write or hole.
  Result<void> make_room();
  // A write is announced, then carried out or found needless or impossible. A file that is let go
  // before all of that happened was interrupted: it stays as it is.
  void announce() { ++announced_; }
  Result<void> write(ByteSpan bytes, std::uint64_t offset);
  void settle() { --announced_; }

  // Zeros without room taken for them.
  Result<void> make_hole(std::uint64_t offset, std::uint64_t length);
  // This range could not be restored. Reported at the end, for each name of the file.
  void damaged(const Error& error, std::uint64_t offset, std::uint64_t length);
  // Nothing is known to be missing, and yet not all is well.
  void failed(const Error& error) { damaged(error, 0, 0); }

  bool has_old_content() const { return place_.has_old_content; }
  bool is_sparse() const { return context_.sparse; }
  const std::string& path() const { return path_; }
  const Entry& entry() const { return entry_; }
  int descriptor() const { return place_.file.descriptor(); }

 private:
  struct Range {
    std::uint64_t begin, end;
  };
  Result<void> complete();
  Result<void> take_name();
  // In the order of the file, none touching the next.
  std::vector<Range> joined_missing();
  Result<void> write_sparse(ByteSpan bytes, std::uint64_t offset);
  std::optional<Error> whole_trouble();

  RestoredFilePlace place_;
  const std::string path_;
  const Entry entry_;
  const RestoredFileContext& context_;
  const std::shared_ptr<OtherNames> other_names_;
  std::atomic<int> announced_ = 0;
  std::atomic<bool> was_written_ = false;
  Mutex mutex_;
  std::optional<Error> trouble_ GUARDED_BY(mutex_);  // the first
  std::vector<Range> missing_ GUARDED_BY(mutex_);
};

}  // namespace lagan
