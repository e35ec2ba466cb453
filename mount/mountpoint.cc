// SPDX-License-Identifier: Apache-2.0
#include "mount/mountpoint.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>

#include "util/file.h"

namespace lagan {
namespace {

constexpr const char* kType = "fuse.lagan";

std::optional<std::string> real_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> found(::realpath(path.c_str(), nullptr),
                                                          &std::free);
  if (!found) return std::nullopt;
  return std::string(found.get());
}

// Without asking the folder itself, which may be a dead mount.
std::optional<std::string> path_through_parent(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  const std::size_t slash = path.rfind('/');
  const std::string name = slash == path.npos ? path : path.substr(slash + 1);
  const auto parent = real_path(slash == path.npos ? "."
                                : slash == 0       ? "/"
                                                   : path.substr(0, slash));
  if (!parent || name.empty() || name == "." || name == "..") return real_path(path);
  return (*parent == "/" ? "" : *parent) + "/" + name;
}

bool is_at_or_below(const std::string& path, const std::string& folder) {
  return folder == "/" || path == folder || path.starts_with(folder + "/");
}

// As the table of mounts has it: blanks and the like as \ooo.
std::string unescaped(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out.push_back(static_cast<char>(std::strtol(text.substr(i + 1, 3).c_str(), nullptr, 8)));
      i += 3;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

// The helper that may unmount for those who are not root.
Result<void> run_fusermount(const std::string& path, bool lazily) {
  const std::string flags = lazily ? "-uz" : "-u";
  std::string program = "fusermount3", separator = "--";
  char* words[] = {program.data(), const_cast<char*>(flags.c_str()), separator.data(),  // NOLINT
                   const_cast<char*>(path.c_str()), nullptr};                           // NOLINT
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  const int failed = ::posix_spawnp(&child, program.c_str(), &actions, nullptr, words, environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed == ENOENT) {
    return fail(ErrorCode::unsupported,
                "there is no fusermount3 here: install fuse3, or run this as root");
  }
  if (failed != 0) return fail(system_error("run fusermount3", failed));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return fail(ErrorCode::io,
              fmt::format("{} is in use, or is another user's mount: close what is open there, or "
                          "say --lazy",
                          path));
}

Result<void> unmount_path(const std::string& path, bool lazily) {
  if (::geteuid() != 0) return run_fusermount(path, lazily);
  if (::umount2(path.c_str(), UMOUNT_NOFOLLOW | (lazily ? MNT_DETACH : 0)) == 0) return {};
  if (errno == EBUSY) {
    return fail(ErrorCode::io,
                fmt::format("{} is in use: close what is open there, or say --lazy", path));
  }
  return fail(system_error("unmount " + path, errno));
}

// Is it a mount whose program is gone? What stat(2) says may be remembered from before.
bool is_dead(const std::string& path) {
  struct statvfs system {};
  return ::statvfs(path.c_str(), &system) != 0 && errno == ENOTCONN;
}

Result<void> check_fuse(const MountpointRules& rules) {
  const File device(::open(rules.fuse_device.c_str(), O_RDWR | O_CLOEXEC));
  if (device.is_open()) return {};
  if (errno == ENOENT || errno == ENODEV || errno == ENXIO) {
    return fail(ErrorCode::unsupported,
                fmt::format("this system has no FUSE ({} is not there): load it with 'modprobe "
                            "fuse', or install fuse3",
                            rules.fuse_device));
  }
  if (errno == EACCES || errno == EPERM) {
    return fail(ErrorCode::permission,
                fmt::format("this user may not open {}: install fuse3, or let root say 'chmod 666 "
                            "{}'",
                            rules.fuse_device, rules.fuse_device));
  }
  return fail(system_error("open " + rules.fuse_device, errno));
}

bool allows_other(const std::string& config) {
  std::ifstream in(config);
  for (std::string line; std::getline(in, line);) {
    const std::size_t begin = line.find_first_not_of(" \t");
    const std::size_t end = line.find_last_not_of(" \t\r");
    if (begin != line.npos && line.substr(begin, end - begin + 1) == "user_allow_other")
      return true;
  }
  return false;
}

Result<void> check_empty(const std::string& path) {
  const auto close = [](DIR* open) { ::closedir(open); };
  const std::unique_ptr<DIR, decltype(close)> folder(::opendir(path.c_str()), close);
  if (!folder) return fail(system_error("open " + path, errno));
  while (const dirent* entry = ::readdir(folder.get())) {
    if (std::strcmp(entry->d_name, ".") == 0 || std::strcmp(entry->d_name, "..") == 0) continue;
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} is not empty: mount at an empty folder, for what is in this one "
                            "would be hidden",
                            path));
  }
  return {};
}

}  // namespace

std::optional<MountedThere> mounted_at(const std::string& path) {
  std::optional<MountedThere> found;
  std::ifstream table("/proc/self/mountinfo");
  for (std::string line; std::getline(table, line);) {
    std::istringstream words(line);
    std::string number, above, device, root, where, word;
    words >> number >> above >> device >> root >> where;
    while (words >> word && word != "-") {
    }
    if (words >> word && unescaped(where) == path) found = {word, device};
  }
  return found;
}

Result<std::string> prepare_mountpoint(const std::string& path, const MountpointRules& rules) {
  if (is_dead(path)) {
    const auto dead = path_through_parent(path);
    const auto there = dead ? mounted_at(*dead) : std::nullopt;
    if (there && there->type == kType) TRY(unmount_path(*dead, true));
  }
  struct stat status {};
  const int failed = ::stat(path.c_str(), &status) == 0 ? 0 : errno;
  if (failed == ENOENT) {
    return fail(ErrorCode::not_found,
                fmt::format("there is no folder {}: make it with 'mkdir {}'", path, path));
  }
  if (failed != 0) return fail(system_error("mount at " + path, failed));
  if (!S_ISDIR(status.st_mode))
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} is not a folder: mount at an empty folder", path));
  const auto absolute = real_path(path);
  if (!absolute) return fail(system_error("mount at " + path, errno));
  if (const auto repository = real_path(rules.repository);
      !rules.repository.empty() && repository &&
      (is_at_or_below(*absolute, *repository) || is_at_or_below(*repository, *absolute))) {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("{} would cover the repository, or lie in it: mount somewhere else", path));
  }
  TRY(check_empty(*absolute));
  TRY(check_fuse(rules));
  if (rules.allow_other && ::geteuid() != 0 && !allows_other(rules.fuse_config)) {
    return fail(ErrorCode::permission,
                fmt::format("only root may use --allow-other here: let root add a line "
                            "'user_allow_other' to {}",
                            rules.fuse_config));
  }
  return *absolute;
}

Result<void> unmount(const std::string& path, bool lazily) {
  const auto absolute = path_through_parent(path);
  const auto there = absolute ? mounted_at(*absolute) : std::nullopt;
  if (!there || there->type != kType) {
    return fail(ErrorCode::not_found, fmt::format("nothing of lagan is mounted at {}{}", path,
                                                  there ? " (" + there->type + " is)" : ""));
  }
  return unmount_path(*absolute, lazily || is_dead(*absolute));
}

}  // namespace lagan
