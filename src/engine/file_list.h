// SPDX-License-Identifier: Apache-2.0
#pragma once

// Files that say what to back up.

#include <functional>
#include <string>
#include <vector>

#include "util/result.h"

namespace lagan {

enum class FileListKind {
  patterns,  // a path a line, in which *, ? and [a-z] stand for what is there; # begins a comment
  verbatim,  // a path a line, as it stands
  raw,       // paths, each ended by a NUL
};

// The paths that the file lists ("-" is standard input). A pattern that nothing fits is told to
// `note`.
Result<std::vector<std::string>> read_file_list(const std::string& path, FileListKind kind,
                                                const std::function<void(std::string)>& note);

// What is there that fits a path with *, ? and [a-z] in its components, sorted. A path without
// these is itself, there or not.
std::vector<std::string> expand_pattern(const std::string& pattern);

}  // namespace lagan
