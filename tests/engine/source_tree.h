// SPDX-License-Identifier: Apache-2.0
#pragma once

// Files of every sort to save, and a description of a tree that is equal exactly if the trees are.

#include <map>
#include <string>
#include <string_view>

namespace lagan {

void write_file(const std::string& path, std::string_view content);
std::string read_text(const std::string& path);
void set_mtime(const std::string& path, std::int64_t seconds, std::uint32_t nanoseconds = 0);
bool exists(const std::string& path);  // a dangling symlink does

// Makes below `folder`, which exists, whatever this user and file system allow.
void make_odd_tree(const std::string& folder);

// `depth` folders called `name`, each in the one before, with a file at the end.
void make_deep_tree(const std::string& folder, const std::string& name, std::size_t depth);

// Each path below `folder` with kind, mode, owner, times, attributes, flags, links, content and
// where its holes are; "" is the folder itself. Paths may be longer than the system takes.
std::map<std::string, std::string> describe_tree(const std::string& folder);

// The first few differences, or "".
std::string difference(const std::map<std::string, std::string>& expected,
                       const std::map<std::string, std::string>& found);

// Removes also what is immutable or nested too deep for a path.
void remove_tree(const std::string& folder);

// Whether this process is root and may make devices and mounts.
bool is_root();

}  // namespace lagan
