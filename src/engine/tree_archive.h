// SPDX-License-Identifier: Apache-2.0
#pragma once

// A folder of a snapshot as a tar or zip archive, written as a stream. Tar is POSIX pax as GNU tar
// reads it, compressed with zstd or not, with times to the nanosecond, extended attributes (ACLs
// are among them), hard links and devices; zip keeps what zip can. One thread.

#include <functional>
#include <string>

#include "repo/tree.h"
#include "util/result.h"

namespace lagan {

enum class ArchiveFormat { tar, tar_zst, zip };

struct ArchiveOptions {
  ArchiveFormat format = ArchiveFormat::tar;
  std::function<bool()> is_stopped = [] { return false; };
  // Told what could not be read: a file is then filled up with zeros, or left out if it has no
  // content at all.
  std::function<void(const std::string& path, const Error& error)> trouble;
  // Told what this kind of archive cannot hold.
  std::function<void(const std::string& path)> left_out;
};

// Writes `top` and all below it to `descriptor`. `path` is where `top` lies in the snapshot; names
// in the archive are paths without the first '/'. An error leaves an unfinished archive.
Result<void> write_archive(const ChunkSource& source, const Entry& top, const std::string& path,
                           int descriptor, const ArchiveOptions& options);

}  // namespace lagan
