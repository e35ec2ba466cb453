// SPDX-License-Identifier: Apache-2.0
#pragma once

// A folder as text, one line for each entry in path order, for comparing what was saved with what
// was restored. Shared by make_golden.cc and golden_test.cc; uses nothing of backup or restore.
//
//   file 0644 1700000000.000000001 5 <BLAKE3> name
//   same 0644 1700000000.000000001 5 <BLAKE3> other = name      a further hard link
//   dir  0755 1700000000.000000001 folder
//   link 1700000000.000000001 name -> target
//   fifo, sock                                                  as dir
//     user.name=<hex>                                           extended attributes, below their
//     owner
//
// Bytes that are not printable ASCII, '%' and space are written %xx.

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "crypto/hash.h"
#include "util/file.h"
#include "util/hex.h"

namespace lagan::golden {

inline std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c > ' ' && c < 0x7f && c != '%') {
      out.push_back(c);
    } else {
      out += fmt::format("%{:02x}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

class Manifest {
 public:
  static std::string of(const std::string& root) {
    Manifest manifest(root);
    manifest.folder("");
    return std::move(manifest.text_);
  }

 private:
  using Inode = std::pair<dev_t, ino_t>;

  explicit Manifest(std::string root) : root_(std::move(root)) {}

  void folder(const std::string& below) {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(root_ + below))
      names.push_back(entry.path().filename());
    std::ranges::sort(names);
    for (const std::string& name : names) describe(below + "/" + name);
  }

  void describe(const std::string& below) {
    const std::string path = root_ + below;
    struct stat status {};
    LAGAN_ASSERT(::lstat(path.c_str(), &status) == 0);
    const std::string name = escaped(below.substr(1));
    const std::string time = fmt::format("{}.{:09}", status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
    const std::string mode = fmt::format("{:04o}", status.st_mode & 07777);
    const bool is_folder = S_ISDIR(status.st_mode);
    if (S_ISREG(status.st_mode)) {
      add_file(path, status, mode + " " + time, name);
    } else if (S_ISLNK(status.st_mode)) {
      text_ += fmt::format("link {} {} -> {}\n", time, name,
                           escaped(std::filesystem::read_symlink(path).native()));
    } else {
      text_ += fmt::format("{} {} {} {}\n",
                           is_folder                  ? "dir"
                           : S_ISFIFO(status.st_mode) ? "fifo"
                           : S_ISSOCK(status.st_mode) ? "sock"
                                                      : "other",
                           mode, time, name);
    }
    add_xattrs(path);
    if (is_folder) folder(below);
  }

  void add_file(const std::string& path, const struct stat& status, const std::string& attributes,
                const std::string& name) {
    const auto content = read_file(path, std::size_t{1} << 30);
    LAGAN_ASSERT(content.has_value());
    const auto [it, is_first] = first_names_.try_emplace({status.st_dev, status.st_ino}, name);
    text_ +=
        fmt::format("{} {} {} {} {}{}\n", is_first ? "file" : "same", attributes, status.st_size,
                    to_hex(hash(*content)), name, is_first ? "" : " = " + it->second);
  }

  void add_xattrs(const std::string& path) {
    std::string list(65536, '\0');
    const ssize_t size = ::llistxattr(path.c_str(), list.data(), list.size());
    std::vector<std::string> names;
    for (std::size_t at = 0; size > 0 && at < static_cast<std::size_t>(size);) {
      names.emplace_back(list.c_str() + at);
      at += names.back().size() + 1;
    }
    std::ranges::sort(names);
    for (const std::string& name : names) {
      if (!name.starts_with("user.")) continue;
      std::string value(65536, '\0');
      const ssize_t length = ::lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
      LAGAN_ASSERT(length >= 0);
      value.resize(static_cast<std::size_t>(length));
      text_ += fmt::format("  {}={}\n", name, to_hex(as_bytes(value)));
    }
  }

  const std::string root_;
  std::string text_;
  std::map<Inode, std::string> first_names_;
};

}  // namespace lagan::golden
