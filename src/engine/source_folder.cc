// SPDX-License-Identifier: Apache-2.0
#include "src/engine/source_folder.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>

namespace lagan {

namespace {

// Not updating the access time needs ownership of the file.
File open_quietly(int parent, const char* name, int flags) {
  flags |= O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  const int quiet = ::openat(parent, name, flags | O_NOATIME);
  if (quiet >= 0 || errno != EPERM) return File(quiet);
  return File(::openat(parent, name, flags));
}

}  // namespace

File open_source_folder(int parent, const char* name) {
  return open_quietly(parent, name, O_NOFOLLOW);
}

File open_folder_behind(int parent, const char* name) { return open_quietly(parent, name, 0); }

Result<void> list_names(int folder, std::vector<std::string>& names) {
  names.clear();
  // fdopendir takes the descriptor it is given.
  const int copy = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* stream = copy < 0 ? nullptr : ::fdopendir(copy);
  if (stream == nullptr) return fail(system_error("list", errno));
  errno = 0;
  while (const dirent* entry = ::readdir(stream)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
    errno = 0;
  }
  const int error = errno;
  ::closedir(stream);
  std::ranges::sort(names);
  if (error != 0) return fail(system_error("list", error));
  return {};
}

Result<std::vector<std::string>> list_names(int folder) {
  std::vector<std::string> names;
  TRY(list_names(folder, names));
  return names;
}

std::string join_path(const std::string& folder, std::string_view name) {
  std::string path = folder == "/" ? "" : folder;
  path += '/';
  path += name;
  return path;
}

}  // namespace lagan
