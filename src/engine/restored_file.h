// SPDX-License-Identifier: Apache-2.0
#pragma once

// A regular file while it is being restored: open, with holes where nothing is written yet. Writers
// hold it; the last to let go gives it its attributes. Any thread may write.

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "repo/tree.h"
#include "src/engine/attributes.h"
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
  void damaged(const Error& error, const ReportTrouble& report) {
    const MutexLock lock(mutex_);
    for (const std::string& path : paths_) report(path, error);
    trouble_ = error;
  }

 private:
  Mutex mutex_;
  std::vector<std::string> paths_ GUARDED_BY(mutex_);
  std::optional<Error> trouble_ GUARDED_BY(mutex_);
};

class RestoredFile {
 public:
  using Report = ReportTrouble;
  // `other_names` is null for a file without hard links.
  RestoredFile(File file, std::string path, Entry entry, const AttributeOptions& attributes,
               const Report& report, std::shared_ptr<OtherNames> other_names)
      : file_(std::move(file)),
        path_(std::move(path)),
        entry_(std::move(entry)),
        attributes_(attributes),
        report_(report),
        other_names_(std::move(other_names)) {}
  ~RestoredFile();
  RestoredFile(const RestoredFile&) = delete;
  RestoredFile& operator=(const RestoredFile&) = delete;

  Result<void> write(ByteSpan bytes, std::uint64_t offset) {
    return write_all_at(file_.descriptor(), bytes, offset);
  }
  // A part could not be restored. Reported once for each name of the file.
  void damaged(const Error& error);

  const std::string& path() const { return path_; }
  const Entry& entry() const { return entry_; }
  int descriptor() const { return file_.descriptor(); }

 private:
  File file_;
  const std::string path_;
  const Entry entry_;
  const AttributeOptions& attributes_;
  const Report& report_;
  const std::shared_ptr<OtherNames> other_names_;
  std::atomic<bool> is_damaged_ = false;
};

}  // namespace lagan
