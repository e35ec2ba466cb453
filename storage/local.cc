// SPDX-License-Identifier: Apache-2.0
#include "storage/local.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unordered_set>
#include <utility>
#include <vector>

#include "storage/arguments.h"
#include "util/file.h"
#include "util/hex.h"
#include "util/mutex.h"

namespace lagan {
namespace {

// Begins with a dot, so no object can have such a name and no listing shows it.
constexpr std::string_view kTemporaryPrefix = ".lagan-tmp-";

// Packs are larger than this; the small objects are not worth the alignment.
constexpr std::size_t kDirectFromBytes = std::size_t{1} << 20;
// Memory, offset and length of O_DIRECT; enough for every block size that disks have.
constexpr std::size_t kDirectAlignment = 4096;
constexpr std::size_t kDirectPieceBytes = std::size_t{4} << 20;

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<std::string> temporary_name() {
  std::array<std::byte, 8> random;
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    return fail(system_error("read random bytes", errno));
  }
  return std::string(kTemporaryPrefix) + to_hex(random);
}

// Is a lock seen by everybody who may write here? Elsewhere it may bind this machine alone.
bool is_on_this_machine(int descriptor) {
  constexpr std::array<std::uint32_t, 8> kLocal = {
      EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC,       BTRFS_SUPER_MAGIC,    F2FS_SUPER_MAGIC,
      TMPFS_MAGIC,      OVERLAYFS_SUPER_MAGIC, 0x2fc12fc1 /* ZFS */, 0xca451a4e /* bcachefs */};
  struct statfs system {};
  if (::fstatfs(descriptor, &system) != 0) return false;
  return std::ranges::find(kLocal, static_cast<std::uint32_t>(system.f_type)) != kLocal.end();
}

// Whoever fills a temporary file holds a lock on it, which ends with its process. False: it was
// taken for a leftover before it was locked, and is gone.
Result<bool> lock_temporary(int descriptor) {
  if (!is_on_this_machine(descriptor)) return true;
  // Waits for nobody but remove_leftover.
  if (::flock(descriptor, LOCK_EX) != 0) return fail(system_error("lock", errno));
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return fail(system_error("fstat", errno));
  return status.st_nlink != 0;
}

// Removes a temporary file that nobody fills any more: nobody holds its lock, or where locks tell
// nothing, its folder has changed more than a day after the file did. Who fills one for longer than
// that gets an error when it is to have its name, and nothing is lost.
void remove_leftover(int folder, const struct stat& folder_status, const std::string& name) {
  constexpr auto kDaySeconds = 86'400;
  const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  const File file(::openat(folder, name.c_str(), flags));
  struct stat status {};
  if (!file.is_open() || ::fstat(file.descriptor(), &status) != 0 || !S_ISREG(status.st_mode))
    return;
  const bool is_left = is_on_this_machine(file.descriptor())
                           ? ::flock(file.descriptor(), LOCK_EX | LOCK_NB) == 0
                           : status.st_mtim.tv_sec + kDaySeconds < folder_status.st_mtim.tv_sec;
  if (is_left) static_cast<void>(::unlinkat(folder, name.c_str(), 0));
}

// Makes the entries of a folder durable. SMB, FUSE and folders that may be written but not read
// refuse this; there the server's word has to do. Everything else is an error and is never tried
// again: Linux forgets the pages whose write failed, so a second fsync would succeed and lie.
Result<void> sync_folder(const std::string& path) {
  const auto folder = open_file(path, O_RDONLY | O_DIRECTORY);
  if (!folder && folder.error().code == ErrorCode::permission) return {};
  if (!folder) return fail(folder.error());
  if (::fsync(folder->descriptor()) == 0) return {};
  if (errno == EINVAL || errno == ENOTSUP || errno == EACCES) return {};
  return fail(system_error("fsync " + path, errno));
}

enum class Made { yes, was_there };

Result<Made> make_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0) {
    // The umask may have taken rights that we need. Some file systems have no rights to change.
    static_cast<void>(::chmod(path.c_str(), 0700));
    return Made::yes;
  }
  // An automounter says EACCES and a read-only disk EROFS about folders that exist.
  const int error = errno;
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) return Made::was_there;
    return fail(ErrorCode::io, path + " is not a folder");
  }
  return fail(system_error("create folder " + path, error));
}

struct Free {
  void operator()(std::byte* memory) const { std::free(memory); }  // NOLINT: from aligned_alloc
};

bool is_aligned(const void* memory) {
  return reinterpret_cast<std::uintptr_t>(memory) % kDirectAlignment == 0;
}

// Writes the front of `bytes` past the page cache and returns how much that was: all whole blocks
// on a good day, nothing where the file system cannot. What is left is for the page cache; a real
// trouble, like a full disk, shows again there.
std::size_t write_directly(int descriptor, ByteSpan bytes) {
  std::unique_ptr<std::byte, Free> bounce;
  if (!is_aligned(bytes.data())) {
    bounce.reset(static_cast<std::byte*>(std::aligned_alloc(kDirectAlignment, kDirectPieceBytes)));
    if (!bounce) return 0;
  }
  const int flags = ::fcntl(descriptor, F_GETFL);
  // Not with open(2), which may leave an empty file behind when it refuses O_DIRECT.
  if (flags < 0 || ::fcntl(descriptor, F_SETFL, flags | O_DIRECT) != 0) return 0;
  std::size_t left = bytes.size() / kDirectAlignment * kDirectAlignment;
  std::size_t done = 0;
  while (left > 0) {
    ByteSpan piece = bytes.subspan(done, std::min(left, kDirectPieceBytes));
    if (bounce) {
      std::memcpy(bounce.get(), piece.data(), piece.size());
      piece = {bounce.get(), piece.size()};
    }
    if (!write_all_at(descriptor, piece, done)) break;
    done += piece.size();
    left -= piece.size();
  }
  static_cast<void>(::fcntl(descriptor, F_SETFL, flags));
  return done;
}

// All of `bytes` into the new file, durable, and nobody may change it any more.
Result<void> fill(int descriptor, ByteSpan bytes) {
  const std::size_t done = bytes.size() >= kDirectFromBytes ? write_directly(descriptor, bytes) : 0;
  TRY(write_all_at(descriptor, bytes.subspan(done), done));
  // A seat belt against other programs, not a promise: many file systems have no such right.
  static_cast<void>(::fchmod(descriptor, 0400));
  // A full disk with delayed allocation, and a failing one, may show only here.
  if (::fdatasync(descriptor) != 0) return fail(system_error("fdatasync", errno));
  return {};
}

Result<void> replace(const std::string& temporary, const std::string& path) {
  if (::rename(temporary.c_str(), path.c_str()) == 0) return {};
  return fail(system_error("rename to " + path, errno));
}

// Something has the name already. By contract it is the same object, unless its size tells that a
// copy was cut short, or it is no file at all (rename replaces a symbolic link, it does not follow
// it).
Result<void> keep_or_replace(const std::string& temporary, const std::string& path,
                             std::size_t size_bytes) {
  struct stat status {};
  const bool same = ::lstat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
                    std::cmp_equal(status.st_size, size_bytes);
  if (!same) return replace(temporary, path);
  ::unlink(temporary.c_str());
  return {};
}

// Gives the finished file its name without overwriting what has it. Afterwards `temporary` is gone.
Result<void> publish(const std::string& temporary, const std::string& path,
                     std::size_t size_bytes) {
  if (::renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) == 0) {
    return {};
  }
  if (errno == EEXIST) return keep_or_replace(temporary, path, size_bytes);
  if (errno != EINVAL && errno != ENOSYS) return fail(system_error("rename to " + path, errno));
  // Network file systems often lack RENAME_NOREPLACE; link(2) does not replace either. Those
  // without links are left with a rename, which is safe here because a name stands for the same
  // bytes always.
  if (::link(temporary.c_str(), path.c_str()) == 0) {
    ::unlink(temporary.c_str());
    return {};
  }
  if (errno == EEXIST) return keep_or_replace(temporary, path, size_bytes);
  return replace(temporary, path);
}

Nanoseconds modified_at(const struct stat& status) {
  return Nanoseconds{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
}

ObjectInfo info(ObjectName name, const struct stat& status) {
  return {.name = std::move(name),
          .size_bytes = static_cast<std::uint64_t>(status.st_size),
          .modified = modified_at(status)};
}

using FolderIdentity = std::pair<dev_t, ino_t>;

FolderIdentity identity(const struct stat& status) { return {status.st_dev, status.st_ino}; }

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};
using OpenFolder = std::unique_ptr<DIR, CloseFolder>;

// Nothing if the folder is not there (any more).
Result<OpenFolder> open_folder(const std::string& path) {
  auto file = open_file(path, O_RDONLY | O_DIRECTORY);
  if (!file && file.error().code == ErrorCode::not_found) return OpenFolder();
  if (!file) return fail(std::move(file).error());
  OpenFolder folder(::fdopendir(file->descriptor()));
  if (!folder) return fail(system_error("read folder " + path, errno));
  file->release();
  return folder;
}

// Each name once, even if files come and go while readdir looks.
Result<std::vector<std::string>> entries_of(DIR* folder, const std::string& path) {
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(folder);  // NOLINT: no other thread has this stream
    if (!entry && errno != 0 && errno != ENOENT) {
      return fail(system_error("read folder " + path, errno));
    }
    if (!entry) break;
    names.emplace_back(entry->d_name);
  }
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

class LocalStorage final : public Storage {
 public:
  explicit LocalStorage(std::string folder) : folder_(std::move(folder)) {}

  Capabilities capabilities() const override { return {.parallel = 4, .put_is_verified = true}; }
  std::string description() const override { return folder_; }

  Result<void> create() override;
  Result<void> put(const ObjectName& name, ByteSpan bytes) override;
  Result<Bytes> get(const ObjectName& name) override;
  Result<Bytes> get(const ObjectName& name, ByteRange range) override;
  Result<ObjectInfo> stat(const ObjectName& name) override;
  Result<void> list(std::string_view prefix, const EachObject& each) override;
  Result<void> remove(const ObjectName& name) override;

 private:
  struct OpenObject {
    File file;
    std::uint64_t size_bytes = 0;
  };

  std::string path_of(std::string_view name) const;
  Result<struct stat> stat_root() const;
  Result<void> check_links(std::string_view name) const;
  tl::unexpected<Error> missing(const ObjectName& name) const;
  Result<void> check_object(const ObjectName& name, const struct stat& status) const;
  Result<OpenObject> open_object(const ObjectName& name) const;
  Result<void> prepare_folder(const std::string& path);
  Result<File> create_temporary(const std::string& path);
  Result<void> put_at(const std::string& path, ByteSpan bytes);
  Result<void> walk(std::string_view prefix, std::vector<FolderIdentity>& above,
                    const EachObject& each) const;

  const std::string folder_;
  Mutex mutex_;
  // Folders that exist durably, so that only the first put into each has to look.
  std::unordered_set<std::string> prepared_ GUARDED_BY(mutex_);
};

std::string LocalStorage::path_of(std::string_view name) const {
  return fmt::format("{}{}{}", folder_, folder_.ends_with('/') ? "" : "/", name);
}

Result<struct stat> LocalStorage::stat_root() const {
  struct stat status {};
  if (::stat(folder_.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) return status;
    return fail(ErrorCode::no_repository, folder_ + " is not a folder");
  }
  if (errno == ENOENT || errno == ENOTDIR) {
    return fail(ErrorCode::no_repository, "there is no folder " + folder_);
  }
  return fail(system_error("look at " + folder_, errno));
}

// Of what was not found: does a link on the way to it lead nowhere? Then it is not known what is
// there.
Result<void> LocalStorage::check_links(std::string_view name) const {
  for (std::size_t end = name.find('/'); end != std::string_view::npos;
       end = name.find('/', end + 1)) {
    const std::string path = path_of(name.substr(0, end));
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0 || !S_ISLNK(status.st_mode)) continue;
    if (::stat(path.c_str(), &status) == 0) continue;
    return fail(ErrorCode::unavailable,
                path + " is a link to a place that is not there: is its disk mounted?");
  }
  return {};
}

tl::unexpected<Error> LocalStorage::missing(const ObjectName& name) const {
  auto root = stat_root();
  if (!root) return fail(std::move(root).error());
  if (auto links = check_links(name.text()); !links) return fail(std::move(links).error());
  return fail(ErrorCode::not_found, fmt::format("{}: no such object", name.text()));
}

Result<void> LocalStorage::check_object(const ObjectName& name, const struct stat& status) const {
  if (S_ISREG(status.st_mode)) return {};
  if (S_ISDIR(status.st_mode)) return missing(name);
  return fail(ErrorCode::corrupt, fmt::format("{}: not a plain file", path_of(name.text())));
}

Result<void> LocalStorage::create() {
  for (std::size_t end = folder_.find('/', 1);; end = folder_.find('/', end + 1)) {
    const std::string part = folder_.substr(0, end);
    if (TRY(make_folder(part)) == Made::yes) TRY(sync_folder(parent_of(part)));
    if (end == std::string::npos) return {};
  }
}

// Makes the folders from the root to `path`, but never the root: if that is missing then a disk is
// not mounted. Each parent is synced even if the folder was there, because another thread or
// program may have made it a moment ago (a sync with nothing to do takes 0.03 ms).
Result<void> LocalStorage::prepare_folder(const std::string& path) {
  MutexLock lock(mutex_);
  if (prepared_.contains(path)) return {};
  TRY(stat_root());
  for (std::size_t end = folder_.size(); end < path.size();) {
    const std::string parent = path.substr(0, end);
    end = std::min(path.find('/', end + 1), path.size());
    TRY(make_folder(path.substr(0, end)));
    TRY(sync_folder(parent));
  }
  prepared_.insert(path);
  return {};
}

Result<File> LocalStorage::create_temporary(const std::string& path) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
  const std::string folder = parent_of(path);
  TRY(prepare_folder(folder));
  auto file = open_file(path, kFlags, 0600);
  if (file || file.error().code != ErrorCode::not_found) return file;
  // Somebody removed the folder, or the whole location, after we had seen it.
  {
    MutexLock lock(mutex_);
    prepared_.erase(folder);
  }
  TRY(prepare_folder(folder));
  return open_file(path, kFlags, 0600);
}

Result<void> LocalStorage::put_at(const std::string& path, ByteSpan bytes) {
  const std::string folder = parent_of(path);
  const std::string temporary = folder + "/" + TRY(temporary_name());
  const auto write_and_publish = [&]() -> Result<void> {
    File file = TRY(create_temporary(temporary));
    while (!TRY(lock_temporary(file.descriptor()))) file = TRY(create_temporary(temporary));
    TRY_IN(temporary, fill(file.descriptor(), bytes));
    return publish(temporary, path, bytes.size());
  };
  auto done = write_and_publish();
  if (!done) {
    ::unlink(temporary.c_str());
    return done;
  }
  // Also if the object was there before: who put it may not have come to this line yet.
  return sync_folder(folder);
}

Result<void> LocalStorage::put(const ObjectName& name, ByteSpan bytes) {
  TRY_IN("put " + name.text(), put_at(path_of(name.text()), bytes));
  return {};
}

Result<LocalStorage::OpenObject> LocalStorage::open_object(const ObjectName& name) const {
  // O_NONBLOCK: a planted pipe must not hang us.
  auto file = open_file(path_of(name.text()), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!file && file.error().code == ErrorCode::not_found) return missing(name);
  if (!file) return fail(std::move(file).error());
  struct stat status {};
  if (::fstat(file->descriptor(), &status) != 0) {
    return fail(system_error("stat " + name.text(), errno));
  }
  TRY(check_object(name, status));
  return OpenObject{std::move(*file), static_cast<std::uint64_t>(status.st_size)};
}

Result<Bytes> LocalStorage::get(const ObjectName& name) {
  const OpenObject object = TRY(open_object(name));
  if (object.size_bytes == 0) return Bytes();
  Bytes bytes(object.size_bytes);
  if (TRY_IN(name.text(), read_at(object.file.descriptor(), bytes.span(), 0)) != bytes.size()) {
    return fail(ErrorCode::corrupt, name.text() + ": cut short while it was read");
  }
  return bytes;
}

Result<Bytes> LocalStorage::get(const ObjectName& name, ByteRange range) {
  const OpenObject object = TRY(open_object(name));
  TRY_IN(name.text(), check_range(range, object.size_bytes));
  Bytes bytes(range.length);
  const std::size_t got =
      TRY_IN(name.text(), read_at(object.file.descriptor(), bytes.span(), range.offset));
  if (got != bytes.size()) {
    return fail(ErrorCode::corrupt, name.text() + ": cut short while it was read");
  }
  return bytes;
}

Result<ObjectInfo> LocalStorage::stat(const ObjectName& name) {
  struct stat status {};
  if (::lstat(path_of(name.text()).c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return missing(name);
    return fail(system_error("stat " + name.text(), errno));
  }
  TRY(check_object(name, status));
  return info(name, status);
}

Result<void> LocalStorage::list(std::string_view prefix, const EachObject& each) {
  TRY(check_prefix(prefix));
  const struct stat before = TRY(stat_root());
  std::vector<FolderIdentity> above;
  TRY(walk(prefix, above, each));
  // Folders that vanish are skipped, but when the disk itself went away the list is not complete.
  const struct stat after = TRY(stat_root());
  if (identity(before) == identity(after)) return {};
  return fail(ErrorCode::no_repository, folder_ + " was replaced while it was listed");
}

// Users do move `packs` to another disk and leave a link, so links to folders are followed, as put
// and get follow them; `above` ends the circles this allows. Links to files are no objects, as in
// get.
Result<void> LocalStorage::walk(std::string_view prefix, std::vector<FolderIdentity>& above,
                                const EachObject& each) const {
  const std::string path = path_of(prefix);
  const OpenFolder folder = TRY(open_folder(path));
  if (!folder) return check_links(prefix);
  const int descriptor = ::dirfd(folder.get());
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return fail(system_error("stat " + path, errno));
  if (std::ranges::find(above, identity(status)) != above.end()) {
    return fail(ErrorCode::io, path + " contains itself");
  }
  above.push_back(identity(status));
  const std::vector<std::string> entries = TRY(entries_of(folder.get(), path));
  const struct stat folder_status = status;
  for (const std::string& entry : entries) {
    if (entry.starts_with(kTemporaryPrefix)) remove_leftover(descriptor, folder_status, entry);
    auto name = ObjectName::parse(fmt::format("{}{}", prefix, entry));
    if (!name) continue;
    if (::fstatat(descriptor, entry.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;
      return fail(system_error("stat " + name->text(), errno));
    }
    const bool is_link = S_ISLNK(status.st_mode);
    if (is_link && ::fstatat(descriptor, entry.c_str(), &status, 0) != 0) {
      // One of the folders `xx` of packs may lie elsewhere, others are foreign.
      if (errno == ENOENT && entry.size() == 2) return check_links(name->text() + "/");
      if (errno == ENOENT || errno == ELOOP) continue;
      return fail(system_error("stat " + name->text(), errno));
    }
    if (S_ISDIR(status.st_mode)) {
      TRY(walk(name->text() + "/", above, each));
    } else if (S_ISREG(status.st_mode) && !is_link) {
      TRY(each(info(*std::move(name), status)));
    }
  }
  above.pop_back();
  return {};
}

Result<void> LocalStorage::remove(const ObjectName& name) {
  if (::unlink(path_of(name.text()).c_str()) == 0) return {};
  // EISDIR: a folder is no object, so there is nothing to remove.
  if (errno != ENOENT && errno != ENOTDIR && errno != EISDIR) {
    return fail(system_error("remove " + name.text(), errno));
  }
  TRY(stat_root());
  return check_links(name.text());
}

}  // namespace

std::unique_ptr<Storage> make_local_storage(std::string folder) {
  // An empty path would put the objects below "/".
  if (folder.empty()) folder = ".";
  return std::make_unique<LocalStorage>(std::move(folder));
}

}  // namespace lagan
