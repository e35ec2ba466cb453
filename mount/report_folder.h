// SPDX-License-Identifier: Apache-2.0
#pragma once

// The folder `.lagan` at the top of a mount, and the files in it, which are made as they are read.
// Any thread may call anything.

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "mount/error_log.h"
#include "mount/numbers.h"

namespace lagan {

struct MountState {
  std::string repository;  // its id
  std::size_t snapshots = 0;
  std::string newest;       // of them: its id, or nothing
  Nanoseconds changed = 0;  // when these snapshots were first shown
  std::size_t nodes = 0;    // that the kernel, or a visitor, holds
  struct Cache {
    std::size_t bytes = 0, max_bytes = 0;
  };
  Cache contents, folders;
};

class ReportFolder {
 public:
  static constexpr const char* kName = ".lagan";
  static constexpr NodeId kId = 2;
  static constexpr NodeId kErrors = 3, kStatus = 4;
  struct File {
    const char* name;
    NodeId id;
  };
  static constexpr std::array<File, 2> kFiles{{{"errors", kErrors}, {"status.json", kStatus}}};

  explicit ReportFolder(const Clock& clock) : clock_(clock), errors_(clock) {}

  // Nothing if it has no such file.
  static std::optional<NodeId> find(std::string_view name);
  static bool is_file(NodeId id);

  ErrorLog& errors() { return errors_; }
  const ErrorLog& errors() const { return errors_; }

  // What `status.json` says from now on. Its length is always the same.
  void tell(const MountState& state);

  struct Content {
    std::string text;
    Nanoseconds changed = 0;
  };
  Content content(NodeId file) const;

 private:
  const Clock clock_;
  ErrorLog errors_;
  mutable Mutex mutex_;
  Content status_ GUARDED_BY(mutex_);
};

}  // namespace lagan
