// SPDX-License-Identifier: Apache-2.0
#pragma once

// A regular file while it is being restored: open, with holes where nothing is written yet. Writers
// hold it; the last to let go gives it its attributes. Any thread may write.

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "repo/tree.h"
#include "src/engine/attributes.h"
#include "util/file.h"
#include "util/result.h"

namespace lagan {

class RestoredFile {
 public:
  using Report = std::function<void(const std::string& path, const Error& error)>;
  RestoredFile(File file, std::string path, Entry entry, const AttributeOptions& attributes,
               const Report& report)
      : file_(std::move(file)),
        path_(std::move(path)),
        entry_(std::move(entry)),
        attributes_(attributes),
        report_(report) {}
  ~RestoredFile();
  RestoredFile(const RestoredFile&) = delete;
  RestoredFile& operator=(const RestoredFile&) = delete;

  Result<void> write(ByteSpan bytes, std::uint64_t offset) {
    return write_all_at(file_.descriptor(), bytes, offset);
  }
  // A part could not be restored. Reported once for a file.
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
  std::atomic<bool> is_damaged_ = false;
};

}  // namespace lagan
