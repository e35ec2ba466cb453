// SPDX-License-Identifier: Apache-2.0
#pragma once

// The folder `.lagan` at the top of a mount, and the files in it, which are made as they are read.
// Any thread may call anything.

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "mount/error_log.h"
#include "mount/numbers.h"

namespace lagan {

class ReportFolder {
 public:
  static constexpr const char* kName = ".lagan";
  static constexpr NodeId kId = 2;
  static constexpr NodeId kErrors = 3;
  struct File {
    const char* name;
    NodeId id;
  };
  static constexpr std::array<File, 1> kFiles{{{"errors", kErrors}}};

  explicit ReportFolder(Clock clock) : errors_(std::move(clock)) {}

  // Nothing if it has no such file.
  static std::optional<NodeId> find(std::string_view name);
  static bool is_file(NodeId id);

  ErrorLog& errors() { return errors_; }
  const ErrorLog& errors() const { return errors_; }

  struct Content {
    std::string text;
    Nanoseconds changed = 0;
  };
  Content content(NodeId file) const;

 private:
  ErrorLog errors_;
};

}  // namespace lagan
