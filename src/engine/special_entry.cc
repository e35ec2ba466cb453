// SPDX-License-Identifier: Apache-2.0
#include "src/engine/special_entry.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace lagan {

Result<void> make_special(int folder, const std::string& name, const Entry& entry) {
  const dev_t device = makedev(entry.rdev_major, entry.rdev_minor);
  int made = -1;
  switch (entry.kind) {
    case EntryKind::symlink:
      made = ::symlinkat(entry.link_target.c_str(), folder, name.c_str());
      break;
    case EntryKind::fifo:
      made = ::mkfifoat(folder, name.c_str(), 0600);
      break;
    case EntryKind::socket:
      made = ::mknodat(folder, name.c_str(), S_IFSOCK | 0600, 0);
      break;
    case EntryKind::character_device:
      made = ::mknodat(folder, name.c_str(), S_IFCHR | 0600, device);
      break;
    case EntryKind::block_device:
      made = ::mknodat(folder, name.c_str(), S_IFBLK | 0600, device);
      break;
    default:
      return fail(ErrorCode::internal, "not a special file");
  }
  if (made != 0) return fail(system_error("create", errno));
  return {};
}

bool is_such(int folder, const SourceStatus& there, const Entry& entry) {
  if (there.kind != entry.kind) return false;
  if (entry.kind == EntryKind::symlink) {
    const auto target = read_link_target(folder, entry.name.c_str());
    return target && *target == entry.link_target;
  }
  return there.rdev_major == entry.rdev_major && there.rdev_minor == entry.rdev_minor;
}

}  // namespace lagan
