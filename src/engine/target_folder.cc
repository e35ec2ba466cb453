// SPDX-License-Identifier: Apache-2.0
#include "src/engine/target_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <climits>

namespace lagan {
namespace {

// Nobody else has it: the folder's other names may be anything.
std::string temporary_name() {
  std::uint64_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != sizeof number)
    number = static_cast<std::uint64_t>(::getpid());
  return fmt::format(".lagan-restore-{:016x}", number);
}

Result<void> rename_over(int folder, const std::string& from, const std::string& to) {
  for (bool is_first = true;; is_first = false) {
    if (::renameat(folder, from.c_str(), folder, to.c_str()) == 0) return {};
    if (errno != EPERM || !is_first) return fail(system_error("replace what is there", errno));
    const File there(
        ::openat(folder, to.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!there.is_open()) return fail(system_error("replace what is there", EPERM));
    make_changeable(there.descriptor());
  }
}

Result<void> name_it(int descriptor, int folder, const std::string& name) {
  const std::string source = fmt::format("/proc/self/fd/{}", descriptor);
  if (::linkat(AT_FDCWD, source.c_str(), folder, name.c_str(), AT_SYMLINK_FOLLOW) == 0) return {};
  return fail(system_error("name the new file", errno));
}

}  // namespace

Result<File> open_beneath(int root, std::string_view path) {
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  File folder;
  do {
    // The kernel takes less than PATH_MAX at once.
    const std::size_t slash =
        path.size() < PATH_MAX ? std::string_view::npos : path.rfind('/', PATH_MAX - 1);
    const std::string piece(path.empty() ? "." : path.substr(0, slash));
    path.remove_prefix(std::min(path.size(), piece.size() + 1));
    const int above = folder.is_open() ? folder.descriptor() : root;
    const long descriptor = ::syscall(SYS_openat2, above, piece.c_str(), &how, sizeof how);
    if (descriptor < 0) return fail(system_error("open folder", errno));
    folder = File(static_cast<int>(descriptor));
  } while (!path.empty());
  return folder;
}

std::pair<std::string, std::string> split_name(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

void make_changeable(int descriptor) {
  // The last, of a folder, keeps files of other projects from being linked or renamed into it.
  constexpr int kProtecting = FS_IMMUTABLE_FL | FS_APPEND_FL | FS_PROJINHERIT_FL;
  int flags = 0;
  if (::ioctl(descriptor, FS_IOC_GETFLAGS, &flags) == 0 && (flags & kProtecting) != 0) {
    flags &= ~kProtecting;
    (void)::ioctl(descriptor, FS_IOC_SETFLAGS, &flags);
  }
  struct stat status {};
  if (::geteuid() == 0 || ::fstat(descriptor, &status) != 0) return;
  const mode_t needed = S_ISDIR(status.st_mode) ? 0700 : S_ISREG(status.st_mode) ? 0200 : 0;
  if ((status.st_mode & needed) != needed)
    (void)::fchmod(descriptor, (status.st_mode & 07777) | needed);
}

Result<File> open_folder(int above, const std::string& name, bool may_change) {
  constexpr int kFlags = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  int descriptor = ::openat(above, name.c_str(), O_RDONLY | kFlags);
  if (descriptor < 0 && errno == EACCES && may_change) {
    const File closed(::openat(above, name.c_str(), O_PATH | kFlags));
    if (!closed.is_open()) return fail(system_error("open folder", errno));
    const std::string path = fmt::format("/proc/self/fd/{}", closed.descriptor());
    (void)::chmod(path.c_str(), 0700);  // it gets its mode at the end
    descriptor = ::openat(above, name.c_str(), O_RDONLY | kFlags);
  }
  if (descriptor < 0) return fail(system_error("open folder", errno));
  return File(descriptor);
}

Result<void> remove_name(int folder, const std::string& name) {
  for (bool is_first = true;; is_first = false) {
    if (::unlinkat(folder, name.c_str(), 0) == 0 || errno == ENOENT) return {};
    if (errno == EISDIR && ::unlinkat(folder, name.c_str(), AT_REMOVEDIR) == 0) return {};
    const int number = errno;
    if (number != EPERM || !is_first) return fail(system_error("remove what is there", number));
    const File there(
        ::openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!there.is_open()) return fail(system_error("remove what is there", number));
    make_changeable(there.descriptor());
  }
}

Result<void> put_in_place(int folder, const std::string& name,
                          const std::function<Result<void>(const std::string& temporary)>& make) {
  const std::string temporary = temporary_name();
  TRY(make(temporary));
  auto renamed = rename_over(folder, temporary, name);
  if (!renamed) (void)::unlinkat(folder, temporary.c_str(), 0);
  return renamed;
}

Result<Replacement> Replacement::create(std::shared_ptr<const File> folder, std::string name,
                                        Over over) {
  Replacement created(std::move(folder), std::move(name), over);
  const int descriptor = created.folder_->descriptor();
  // Without a name it leaves nothing behind when the program is killed. Not every file system can.
  int file = ::openat(descriptor, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file < 0) {
    created.temporary_ = temporary_name();
    file = ::openat(descriptor, created.temporary_.c_str(),
                    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  }
  if (file < 0) return fail(system_error("create", errno));
  created.file_ = File(file);
  return created;
}

Replacement::~Replacement() {
  if (folder_ && !temporary_.empty())
    (void)::unlinkat(folder_->descriptor(), temporary_.c_str(), 0);
}

Result<void> Replacement::take_free_name(int folder, int descriptor) {
  if (temporary_.empty()) return name_it(descriptor, folder, name_);
  if (::renameat2(folder, temporary_.c_str(), folder, name_.c_str(), RENAME_NOREPLACE) == 0)
    return {};
  // Not every file system knows that.
  if (errno == EINVAL || errno == ENOSYS) return rename_over(folder, temporary_, name_);
  return fail(system_error("name the new file", errno));
}

Result<void> Replacement::commit(int descriptor) {
  const int folder = folder_->descriptor();
  // Some file systems would write the name before the content (decision 0011).
  if (over_ == Over::precious && ::fdatasync(descriptor) != 0)
    return fail(system_error("write it to the disk", errno));
  if (over_ == Over::nothing) {
    TRY(take_free_name(folder, descriptor));
  } else if (!temporary_.empty()) {
    TRY(rename_over(folder, temporary_, name_));
  } else {
    TRY(put_in_place(folder, name_, [&](const std::string& temporary) -> Result<void> {
      return name_it(descriptor, folder, temporary);
    }));
  }
  folder_.reset();
  return {};
}

}  // namespace lagan
