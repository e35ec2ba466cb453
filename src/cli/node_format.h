// SPDX-License-Identifier: Apache-2.0
#pragma once

// An entry of a snapshot as people and as restic's JSON see one.

#include <string>

#include "repo/tree.h"
#include "src/cli/context.h"

namespace lagan::cli {

// restic's words: file, dir, symlink, dev, chardev, fifo, socket.
const char* type_name(EntryKind kind);
// "drwxr-xr-x".
std::string permissions_text(const Entry& entry);
// restic's number, which is Go's: permission bits below, kinds and set-id bits above.
std::uint32_t mode_number(const Entry& entry);

// All that restic says of a node but its name; an empty path is left out.
Json node_json(const std::string& path, const Entry& entry);

struct LineStyle {
  bool is_long = false;
  bool human_readable = false;
  bool birth = false;  // with the time of birth as well, in long lines
};
// One line of `ls` and `find`.
std::string entry_line(const std::string& path, const Entry& entry, LineStyle style);

// On a terminal without the control characters that would steer it; else as it is.
std::string printable(const std::string& text);

}  // namespace lagan::cli
