// SPDX-License-Identifier: Apache-2.0
#include "src/engine/file_place.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include "src/engine/existing_content.h"

namespace lagan {
namespace {

// Copying on write can be turned off only for files without content.
void set_early_flags(int descriptor, const Entry& entry) {
  int flags = 0;
  if ((entry.flags & FS_NOCOW_FL) == 0 || ::ioctl(descriptor, FS_IOC_GETFLAGS, &flags) != 0) return;
  flags |= FS_NOCOW_FL;
  (void)::ioctl(descriptor, FS_IOC_SETFLAGS, &flags);
}

}  // namespace

File open_to_look(int folder, const std::string& name) {
  constexpr int kFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  return File(::openat(folder, name.c_str(), kFlags));
}

bool FilePlacer::holds(int descriptor, std::uint64_t offset, const Slice& slice) const {
  if (!slice.id) return is_hole(descriptor, offset, slice.length);
  if (!sparse_ && !has_no_hole(descriptor, offset, slice.length)) return false;
  const auto location = index_.find(*slice.id);
  return location && slice.offset == 0 && slice.length == location->chunk_length &&
         holds_chunk(descriptor, offset, *slice.id, slice.length, id_key_);
}

Held FilePlacer::compare(int descriptor, std::uint64_t size, const Entry& entry,
                         bool thorough) const {
  if (size == 0 || entry.size == 0) return size == entry.size ? Held::all : Held::none;
  if (!entry.inline_content.empty()) {
    const bool is_equal =
        size == entry.size && holds_bytes(descriptor, 0, as_bytes(entry.inline_content));
    return is_equal ? Held::all : Held::none;
  }
  bool all = size == entry.size, some = false;
  std::uint64_t offset = 0;
  const auto compared = for_each_slice(source_, entry, [&](const Slice& slice) -> Result<void> {
    // Enough is known.
    const bool is_some_enough = !all || (entry.list && !thorough);
    if ((some && is_some_enough) || (!all && offset >= size)) return fail(ErrorCode::cancelled, "");
    const bool is_held = holds(descriptor, offset, slice);
    all = all && is_held;
    some = some || (is_held && slice.id);
    offset += slice.length;
    return {};
  });
  if (compared && all) return Held::all;
  return some ? Held::some : Held::none;
}

Result<RestoredFilePlace> FilePlacer::over_file(const std::shared_ptr<const File>& folder,
                                                const Entry& entry,
                                                const SourceStatus& there) const {
  File file = open_to_look(folder->descriptor(), entry.name);
  if (!file.is_open()) return instead(folder, entry, there);
  const Held held = compare(file.descriptor(), there.size, entry, false);
  if (held == Held::none) return instead(folder, entry, there);
  make_changeable(file.descriptor());
  if (held == Held::some) {
    // Of a file that may be read but not written, only the name can be taken.
    file = File(::openat(folder->descriptor(), entry.name.c_str(),
                         O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    const auto opened = file.is_open() ? source_status(file.descriptor(), "")
                                       : Result<SourceStatus>(fail(ErrorCode::permission, ""));
    // Somebody may have been here meanwhile.
    if (!opened || opened->inode != there.inode || opened->kind != EntryKind::file)
      return instead(folder, entry, there);
  }
  return RestoredFilePlace{.file = std::move(file),
                           .change = ItemChange::unchanged,
                           .bearer = Bearer::used,
                           .old_size = there.size,
                           .has_old_content = held == Held::some};
}

Result<RestoredFilePlace> FilePlacer::instead(const std::shared_ptr<const File>& folder,
                                              const Entry& entry,
                                              const std::optional<SourceStatus>& there) {
  const bool has_content = there && there->kind == EntryKind::file && there->size != 0;
  const auto over = !there        ? Replacement::Over::nothing
                    : has_content ? Replacement::Over::precious
                                  : Replacement::Over::anything;
  Replacement replacement = TRY(Replacement::create(folder, entry.name, over));
  RestoredFilePlace place{
      .file = replacement.take_file(), .change = ItemChange::changed, .bearer = Bearer::used};
  set_early_flags(place.file.descriptor(), entry);
  place.replacement = std::move(replacement);
  return place;
}

Result<RestoredFilePlace> FilePlacer::anew(int folder, const Entry& entry) {
  File file(::openat(folder, entry.name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                     0600));
  if (!file.is_open()) return fail(system_error("create", errno));
  set_early_flags(file.descriptor(), entry);
  return RestoredFilePlace{.file = std::move(file)};
}

}  // namespace lagan
