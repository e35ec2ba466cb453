// SPDX-License-Identifier: Apache-2.0
#pragma once

// A new folder for one test, removed with everything in it at the end.

#include <cstdlib>
#include <filesystem>
#include <string>

#include "util/result.h"

namespace lagan {

class TemporaryFolder {
 public:
  // `below` must exist; empty means where the system puts temporary files.
  explicit TemporaryFolder(const std::filesystem::path& below = {}) {
    const auto parent = below.empty() ? std::filesystem::temp_directory_path() : below;
    std::string pattern = parent / "lagan-test-XXXXXX";
    LAGAN_ASSERT(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace lagan
