// SPDX-License-Identifier: Apache-2.0
#define FUSE_USE_VERSION 314
#include <fcntl.h>
#include <fmt/format.h>
#include <fuse_lowlevel.h>
#include <linux/fs.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <thread>
#include <vector>

#include "mount/mountpoint.h"
#include "mount/session.h"
#include "util/file.h"
#include "util/threads.h"

namespace lagan {
namespace {

// What never changes is asked for once. What may is asked for again after a second.
constexpr double kForEver = 1e9;
constexpr double kSoon = 1.0;

// The largest read that the kernel makes.
constexpr std::size_t kReadBytes = std::size_t{1} << 20;
// Above it tells what libfuse allocates for a request.
constexpr const char* kReadAheadKiB = "1024";
// Behind the two names that every folder has.
constexpr off_t kFirstName = 2;

MountTree& tree_of(fuse_req_t request) {
  return *static_cast<MountTree*>(fuse_req_userdata(request));
}

int number_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::not_found:
      return ENOENT;
    case ErrorCode::invalid_argument:
      return EINVAL;
    default:
      return EIO;
  }
}

void refuse(fuse_req_t request, const Error& error) { fuse_reply_err(request, number_of(error)); }

fuse_entry_param parameters_of(const NodeStatus& node) {
  fuse_entry_param parameters{};
  parameters.ino = node.id;
  parameters.attr = node.status;
  parameters.attr_timeout = node.is_lasting ? kForEver : kSoon;
  parameters.entry_timeout = node.is_name_lasting ? kForEver : kSoon;
  return parameters;
}

// libfuse is C: nothing may be thrown through it. Each operation answers once, and one that fails
// in here answers with an error.
template <auto operation, typename... Arguments>
void guarded(fuse_req_t request, Arguments... arguments) {
  try {
    operation(request, arguments...);
  } catch (const std::exception&) {  // no memory
    fuse_reply_err(request, ENOMEM);
  }
}

void do_init(void*, fuse_conn_info* connection) {
  const auto wants = [&](unsigned capability, bool is_wanted) {
    connection->want &= ~capability;
    if (is_wanted) connection->want |= connection->capable & capability;
  };
  // Answers come from memory, where splicing costs more than it saves (half the speed of 1 MiB
  // reads).
  wants(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE, false);
  // Attributes come with the names, always: an entry costs us little, a request of its own much.
  wants(FUSE_CAP_READDIRPLUS, true);
  wants(FUSE_CAP_READDIRPLUS_AUTO, false);
  wants(FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_ASYNC_READ | FUSE_CAP_IOCTL_DIR, true);
}

void do_init_with_acl(void* data, fuse_conn_info* connection) {
  do_init(data, connection);
  connection->want |= connection->capable & FUSE_CAP_POSIX_ACL;
}

void do_lookup(fuse_req_t request, fuse_ino_t folder, const char* name) {
  const auto found = tree_of(request).lookup(folder, name);
  if (!found) return refuse(request, found.error());
  if (*found) {
    const fuse_entry_param parameters = parameters_of(**found);
    if (fuse_reply_entry(request, &parameters) == -ENOENT) tree_of(request).forget((*found)->id, 1);
    return;
  }
  // Below a snapshot, what is not there will never be. An answer without a node says so.
  const auto above = tree_of(request).status(folder);
  fuse_entry_param nothing{};
  nothing.entry_timeout = above && above->is_lasting ? kForEver : kSoon;
  fuse_reply_entry(request, &nothing);
}

void do_forget(fuse_req_t request, fuse_ino_t node, std::uint64_t references) {
  tree_of(request).forget(node, references);
  fuse_reply_none(request);
}

void do_forget_multi(fuse_req_t request, std::size_t count, fuse_forget_data* forgets) {
  for (std::size_t i = 0; i < count; ++i)
    tree_of(request).forget(forgets[i].ino, forgets[i].nlookup);
  fuse_reply_none(request);
}

void do_getattr(fuse_req_t request, fuse_ino_t node, fuse_file_info*) {
  const auto status = tree_of(request).status(node);
  if (!status) return refuse(request, status.error());
  fuse_reply_attr(request, &status->status, status->is_lasting ? kForEver : kSoon);
}

void do_readlink(fuse_req_t request, fuse_ino_t node) {
  const auto target = tree_of(request).link_target(node);
  if (!target) return refuse(request, target.error());
  fuse_reply_readlink(request, target->c_str());
}

// Never again, then: the kernel opens and closes files by itself, and keeps their pages.
void do_open(fuse_req_t request, fuse_ino_t, fuse_file_info*) { fuse_reply_err(request, ENOSYS); }

void do_read(fuse_req_t request, fuse_ino_t node, std::size_t size, off_t offset, fuse_file_info*) {
  const auto pieces =
      tree_of(request).read(node, static_cast<std::uint64_t>(offset), std::min(size, kReadBytes));
  if (!pieces) return refuse(request, pieces.error());
  // libfuse puts its own part before them.
  constexpr std::size_t kPartsMax = 1000;
  if (pieces->size() <= kPartsMax) {
    std::vector<iovec> parts;
    for (const Piece& piece : *pieces)
      parts.push_back({const_cast<std::byte*>(piece.bytes.data()), piece.bytes.size()});  // NOLINT
    fuse_reply_iov(request, parts.data(), static_cast<int>(parts.size()));
    return;
  }
  std::string joined;
  for (const Piece& piece : *pieces) joined += as_text(piece.bytes);
  fuse_reply_buf(request, joined.data(), joined.size());
}

// The same for folders: the kernel keeps their lists, and asks for them again when their time has
// changed.
void do_opendir(fuse_req_t request, fuse_ino_t, fuse_file_info*) {
  fuse_reply_err(request, ENOSYS);
}

// A part of a folder as the kernel wants it, with attributes or without.
class Names {
 public:
  Names(fuse_req_t request, std::size_t size, bool with_status)
      : request_(request),
        size_(size),
        bytes_(std::make_unique_for_overwrite<char[]>(size)),
        with_status_(with_status) {}

  // False: it did not fit. The kernel then holds no reference.
  bool add(const char* name, const NodeStatus& node, off_t next) {
    char* to = bytes_.get() + used_;
    const std::size_t room = size_ - used_;
    std::size_t needed = 0;
    if (with_status_) {
      const fuse_entry_param parameters = parameters_of(node);
      needed = fuse_add_direntry_plus(request_, to, room, name, &parameters, next);
    } else {
      needed = fuse_add_direntry(request_, to, room, name, &node.status, next);
    }
    if (needed > room) return false;
    used_ += needed;
    return true;
  }
  bool is_empty() const { return used_ == 0; }
  void reply() { fuse_reply_buf(request_, bytes_.get(), used_); }

 private:
  const fuse_req_t request_;
  const std::size_t size_;
  const std::unique_ptr<char[]> bytes_;  // not zeroed: most folders need little of it
  std::size_t used_ = 0;
  const bool with_status_;
};

// "." and "..": with attributes they would count as looked up, so they come without a node.
bool add_own_names(MountTree& tree, fuse_ino_t folder, off_t position, Names& names) {
  NodeStatus self;
  self.status.st_mode = S_IFDIR;
  self.status.st_ino = folder;
  if (position < 1 && !names.add(".", self, 1)) return false;
  self.status.st_ino = tree.parent(folder);
  return position >= kFirstName || names.add("..", self, kFirstName);
}

void list(fuse_req_t request, fuse_ino_t folder, std::size_t size, off_t position,
          bool with_status) {
  MountTree& tree = tree_of(request);
  Names names(request, size, with_status);
  if (add_own_names(tree, folder, position, names)) {
    const auto each = [&](std::string_view name, const NodeStatus& node, std::uint64_t next) {
      const bool fits =
          names.add(std::string(name).c_str(), node, static_cast<off_t>(next) + kFirstName);
      // Without attributes the kernel holds no references.
      if (fits && !with_status) tree.forget(node.id, 1);
      return fits;
    };
    const auto from = static_cast<std::uint64_t>(std::max(position, kFirstName) - kFirstName);
    // An error comes again when the kernel asks for what follows.
    const auto listed = tree.list(folder, from, each);
    if (!listed && names.is_empty()) return refuse(request, listed.error());
  }
  names.reply();
}

void do_readdir(fuse_req_t request, fuse_ino_t folder, std::size_t size, off_t position,
                fuse_file_info*) {
  list(request, folder, size, position, false);
}

void do_readdirplus(fuse_req_t request, fuse_ino_t folder, std::size_t size, off_t position,
                    fuse_file_info*) {
  list(request, folder, size, position, true);
}

void do_statfs(fuse_req_t request, fuse_ino_t) {
  constexpr std::uint64_t kBlock = 4096;
  const MountTree::Totals totals = tree_of(request).totals();
  struct statvfs status {};
  status.f_bsize = status.f_frsize = kBlock;
  status.f_blocks = totals.bytes / kBlock + (totals.bytes % kBlock == 0 ? 0 : 1);
  status.f_files = totals.entries;
  status.f_namemax = 255;
  status.f_flag = ST_RDONLY;
  fuse_reply_statfs(request, &status);
}

// First asked how large it is, then for the value.
void reply_xattr(fuse_req_t request, const std::string& value, std::size_t size) {
  constexpr std::size_t kLargest = 65'536;
  if (size == 0) {
    fuse_reply_xattr(request, value.size());
  } else if (value.size() <= size) {
    fuse_reply_buf(request, value.data(), value.size());
  } else {
    fuse_reply_err(request, value.size() > kLargest ? E2BIG : ERANGE);
  }
}

// ls asks for these of every file, one request each, but not again after the answer that they are
// not supported. Other tools take it for "there is none".
bool is_never_there(MountTree& tree, fuse_ino_t node, std::string_view name) {
  if (name.starts_with("system.posix_acl_")) return !tree.may_have_acl(node);
  return name == "security.selinux";
}

// Where the kernel judges by access control lists, it takes that answer for a refusal.
template <bool kernel_judges>
void do_getxattr(fuse_req_t request, fuse_ino_t node, const char* name, std::size_t size) {
  const auto value = tree_of(request).xattr(node, name);
  if (!value) return refuse(request, value.error());
  if (!*value) {
    const bool is_short = !kernel_judges && is_never_there(tree_of(request), node, name);
    fuse_reply_err(request, is_short ? ENOTSUP : ENODATA);
    return;
  }
  reply_xattr(request, **value, size);
}

void do_listxattr(fuse_req_t request, fuse_ino_t node, std::size_t size) {
  const auto found = tree_of(request).xattr_names(node);
  if (!found) return refuse(request, found.error());
  // Others than root cannot read them, and are not told of them by other file systems.
  const bool is_root = fuse_req_ctx(request)->uid == 0;
  std::string names;
  for (const std::string& name : *found) {
    if (is_root || !name.starts_with("trusted.")) names.append(name).push_back('\0');
  }
  reply_xattr(request, names, size);
}

std::uint32_t extended_flags(std::uint64_t flags) {
  std::uint32_t extended = 0;
  for (const auto& [flag, xflag] : {std::pair{FS_IMMUTABLE_FL, FS_XFLAG_IMMUTABLE},
                                    {FS_APPEND_FL, FS_XFLAG_APPEND},
                                    {FS_SYNC_FL, FS_XFLAG_SYNC},
                                    {FS_NOATIME_FL, FS_XFLAG_NOATIME},
                                    {FS_NODUMP_FL, FS_XFLAG_NODUMP},
                                    {FS_PROJINHERIT_FL, FS_XFLAG_PROJINHERIT}}) {
    if ((flags & static_cast<std::uint64_t>(flag)) != 0)
      extended |= static_cast<std::uint32_t>(xflag);
  }
  return extended;
}

void do_ioctl(fuse_req_t request, fuse_ino_t node, unsigned command, void*, fuse_file_info*,
              unsigned, const void*, std::size_t, std::size_t room) {
  if (command != FS_IOC_GETFLAGS && command != FS_IOC_FSGETXATTR) {
    fuse_reply_err(request, ENOTTY);
    return;
  }
  const auto flags = tree_of(request).inode_flags(node);
  if (!flags) return refuse(request, flags.error());
  if (command == FS_IOC_GETFLAGS) {
    // The kernel asks for an int, whatever the command's name says.
    const std::uint64_t value = flags->flags;
    fuse_reply_ioctl(request, 0, &value, std::min(room, sizeof value));
    return;
  }
  fsxattr extended{};
  extended.fsx_xflags = extended_flags(flags->flags);
  extended.fsx_projid = flags->project;
  fuse_reply_ioctl(request, 0, &extended, std::min(room, sizeof extended));
}

void do_lseek(fuse_req_t request, fuse_ino_t node, off_t offset, int whence, fuse_file_info*) {
  if (whence != SEEK_DATA && whence != SEEK_HOLE) {
    fuse_reply_err(request, EINVAL);
    return;
  }
  const auto kind = whence == SEEK_DATA ? ContentMap::Kind::data : ContentMap::Kind::hole;
  const auto found = tree_of(request).seek(node, static_cast<std::uint64_t>(offset), kind);
  if (!found) return refuse(request, found.error());
  if (!*found) {
    fuse_reply_err(request, ENXIO);
    return;
  }
  fuse_reply_lseek(request, static_cast<off_t>(**found));
}

fuse_lowlevel_ops operations(bool with_acl) {
  fuse_lowlevel_ops all{};
  all.init = with_acl ? do_init_with_acl : do_init;
  all.lookup = guarded<do_lookup, fuse_ino_t, const char*>;
  all.forget = guarded<do_forget, fuse_ino_t, std::uint64_t>;
  all.forget_multi = guarded<do_forget_multi, std::size_t, fuse_forget_data*>;
  all.getattr = guarded<do_getattr, fuse_ino_t, fuse_file_info*>;
  all.readlink = guarded<do_readlink, fuse_ino_t>;
  all.open = do_open;
  all.read = guarded<do_read, fuse_ino_t, std::size_t, off_t, fuse_file_info*>;
  all.opendir = do_opendir;
  all.readdir = guarded<do_readdir, fuse_ino_t, std::size_t, off_t, fuse_file_info*>;
  all.readdirplus = guarded<do_readdirplus, fuse_ino_t, std::size_t, off_t, fuse_file_info*>;
  all.statfs = guarded<do_statfs, fuse_ino_t>;
  all.getxattr = with_acl ? guarded<do_getxattr<true>, fuse_ino_t, const char*, std::size_t>
                          : guarded<do_getxattr<false>, fuse_ino_t, const char*, std::size_t>;
  all.listxattr = guarded<do_listxattr, fuse_ino_t, std::size_t>;
  all.ioctl = guarded<do_ioctl, fuse_ino_t, unsigned, void*, fuse_file_info*, unsigned, const void*,
                      std::size_t, std::size_t>;
  all.lseek = guarded<do_lseek, fuse_ino_t, off_t, int, fuse_file_info*>;
  return all;
}

// A comma begins another option.
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == ',' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

// Larger reads are fewer; only root may ask the kernel for them. The file system itself is not
// asked for its number: whoever should answer may have been stopped.
void read_ahead_more(const std::string& mountpoint) {
  const auto there = mounted_at(mountpoint);
  if (::geteuid() != 0 || !there) return;
  const auto file =
      open_file(fmt::format("/sys/class/bdi/{}/read_ahead_kb", there->device), O_WRONLY);
  if (file) (void)write_all(file->descriptor(), as_bytes(kReadAheadKiB));
}

class FuseSession final : public Session {
 public:
  explicit FuseSession(SessionOptions options) : options_(std::move(options)) {}
  ~FuseSession() override {
    if (session_ == nullptr) return;
    if (is_mounted_) fuse_session_unmount(session_);
    fuse_session_destroy(session_);
  }

  Result<void> start(MountTree& tree);
  Result<void> serve(std::stop_token stop) override;

 private:
  void work();
  void wake_all() const {
    const std::uint64_t one = 1;
    (void)!::write(awake_.descriptor(), &one, sizeof one);
  }

  const SessionOptions options_;
  fuse_session* session_ = nullptr;
  bool is_mounted_ = false;
  File awake_;  // readable when it is over
};

Result<void> FuseSession::start(MountTree& tree) {
  awake_ = File(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!awake_.is_open()) return fail(system_error("mount", errno));
  std::string flags = "ro,nodev,nosuid,subtype=lagan,fsname=" + escaped(options_.source);
  if (options_.allow_other) flags += ",allow_other";
  if (options_.checks_permissions) flags += ",default_permissions";
  char program[] = "lagan", option[] = "-o";
  char* words[] = {program, option, flags.data(), nullptr};
  fuse_args arguments = FUSE_ARGS_INIT(3, words);
  const fuse_lowlevel_ops all = operations(options_.checks_permissions);
  session_ = fuse_session_new(&arguments, &all, sizeof all, &tree);
  fuse_opt_free_args(&arguments);
  if (session_ == nullptr) return fail(ErrorCode::internal, "FUSE takes none of our options");
  if (fuse_session_mount(session_, options_.mountpoint.c_str()) != 0) {
    return fail(ErrorCode::unsupported, fmt::format("cannot mount at {}", options_.mountpoint));
  }
  is_mounted_ = true;
  const int descriptor = fuse_session_fd(session_);
  const int status = ::fcntl(descriptor, F_GETFL);
  if (status < 0 || ::fcntl(descriptor, F_SETFL, status | O_NONBLOCK) != 0)
    return fail(system_error("mount", errno));
  read_ahead_more(options_.mountpoint);
  return {};
}

// Requests are taken while there are any; then this thread waits with the others, and one of them
// is woken for the next.
void FuseSession::work() {
  const File events(::epoll_create1(EPOLL_CLOEXEC));
  epoll_event request{.events = EPOLLIN | EPOLLEXCLUSIVE, .data = {}};
  epoll_event end{.events = EPOLLIN, .data = {}};
  const int descriptor = fuse_session_fd(session_);
  if (::epoll_ctl(events.descriptor(), EPOLL_CTL_ADD, descriptor, &request) != 0 ||
      ::epoll_ctl(events.descriptor(), EPOLL_CTL_ADD, awake_.descriptor(), &end) != 0) {
    fuse_session_exit(session_);
  }
  fuse_buf buffer{};
  while (fuse_session_exited(session_) == 0) {
    const int received = fuse_session_receive_buf(session_, &buffer);
    if (received > 0) {
      fuse_session_process_buf(session_, &buffer);
    } else if (received == -EAGAIN) {
      epoll_event event{};
      (void)::epoll_wait(events.descriptor(), &event, 1, -1);
    } else if (received != -EINTR) {
      break;  // it was unmounted
    }
  }
  std::free(buffer.mem);
  fuse_session_exit(session_);
  wake_all();
}

Result<void> FuseSession::serve(std::stop_token stop) {
  const std::stop_callback on_stop(stop, [this] {
    fuse_session_exit(session_);
    wake_all();
  });
  {
    std::vector<std::jthread> threads;
    TRY(start_threads(threads, options_.threads, [this] { work(); }));
  }
  fuse_session_unmount(session_);
  is_mounted_ = false;
  return {};
}

}  // namespace

Result<std::unique_ptr<Session>> Session::mount(MountTree& tree, const SessionOptions& options) {
  auto session = std::make_unique<FuseSession>(options);
  TRY(session->start(tree));
  return session;
}

}  // namespace lagan
