// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the file system says of one entry of the source, as a tree entry. Reading attributes never
// follows a symlink.

#include <linux/fs.h>

#include <cstdint>
#include <string>
#include <unordered_map>

#include "repo/tree.h"
#include "util/clock.h"
#include "util/mutex.h"
#include "util/result.h"

namespace lagan {

// What statx told, as far as backups care.
struct SourceStatus {
  EntryKind kind = EntryKind::file;
  std::uint32_t mode = 0;
  std::uint64_t uid = 0, gid = 0, size = 0, inode = 0, device = 0, links = 0, blocks = 0;
  std::int64_t mtime = 0, ctime = 0, btime = 0;
  std::uint32_t mtime_ns = 0, ctime_ns = 0, btime_ns = 0;
  bool has_btime = false, is_nodump = false;
  std::uint32_t rdev_major = 0, rdev_minor = 0;
  Nanoseconds seen = 0;  // just before it was looked at

  // Equal in what tells a changed content, and in what tells any change.
  bool has_content_of(const SourceStatus& other) const {
    return kind == other.kind && size == other.size && mtime == other.mtime &&
           mtime_ns == other.mtime_ns;
  }
  bool has_ctime_of(const SourceStatus& other) const {
    return ctime == other.ctime && ctime_ns == other.ctime_ns;
  }
  bool looks_like(const SourceStatus& other) const {
    return has_content_of(other) && inode == other.inode && has_ctime_of(other);
  }
  // Makes it look like nothing that can be found later, by whatever rule.
  void look_like_nothing() {
    ctime = -1;
    mtime_ns = ~std::uint32_t{0};
  }
};

// The times are so close to when it was looked at that it may change again without showing it. If
// they may be of another clock, nobody knows how close: then all of the last day is.
enum class Stamps { ours, unknown };
bool is_racy(const SourceStatus& status, Stamps stamps);
// The same of what lies in the file system that `descriptor` is open in.
bool is_racy(const SourceStatus& status, int descriptor);

// `name` in the folder open as `directory` (or any path, with AT_FDCWD); an empty name is the
// descriptor itself.
Result<SourceStatus> source_status(int directory, const char* name);
// The same of what a symlink leads to.
Result<SourceStatus> source_status_behind(int directory, const char* name);

// User and group names by number, remembered. Any thread.
class OwnerNames {
 public:
  std::string user(std::uint64_t uid);
  std::string group(std::uint64_t gid);

 private:
  Mutex mutex_;
  std::unordered_map<std::uint64_t, std::string> users_ GUARDED_BY(mutex_), groups_
      GUARDED_BY(mutex_);
};

// Can it be read as if it were a file?
constexpr bool has_readable_content(EntryKind kind) {
  return kind == EntryKind::block_device || kind == EntryKind::character_device ||
         kind == EntryKind::fifo;
}

// The attributes that the status holds: kind, mode, owner, times, size, device numbers.
Entry entry_of(std::string name, const SourceStatus& status, OwnerNames& owners);

// Extended attributes (ACLs and capabilities are among them), sorted. Values over 512 bytes go
// through `store_value`. `descriptor` is open on the entry itself, or `path` leads to it without
// following.
using StoreValue = std::function<Result<std::vector<Slice>>(ByteSpan)>;
Result<std::vector<Xattr>> read_xattrs(int descriptor, const StoreValue& store_value);
Result<std::vector<Xattr>> read_link_xattrs(const std::string& path, const StoreValue& store_value);

// The inode flags that a file can be given back: those of chattr that every file system may change,
// and copy-on-write, compression, journalling of data and handing down of project ids, which some
// have. The others describe how the file system stores a file.
constexpr std::uint64_t kKeptInodeFlags =
    FS_FL_USER_MODIFIABLE | FS_NOCOW_FL | FS_NOCOMP_FL | FS_JOURNAL_DATA_FL | FS_PROJINHERIT_FL;

// chattr flags and project id of what `descriptor` is open on; zeros where the file system has
// none.
void read_inode_flags(int descriptor, Entry& entry);

Result<std::string> read_link_target(int directory, const char* name);

}  // namespace lagan
