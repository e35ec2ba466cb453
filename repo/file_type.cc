// SPDX-License-Identifier: Apache-2.0
#include "repo/file_type.h"

namespace lagan {

mode_t file_type(EntryKind kind) {
  switch (kind) {
    case EntryKind::directory:
      return S_IFDIR;
    case EntryKind::symlink:
      return S_IFLNK;
    case EntryKind::character_device:
      return S_IFCHR;
    case EntryKind::block_device:
      return S_IFBLK;
    case EntryKind::fifo:
      return S_IFIFO;
    case EntryKind::socket:
      return S_IFSOCK;
    case EntryKind::file:
      break;
  }
  return S_IFREG;
}

}  // namespace lagan
