// SPDX-License-Identifier: Apache-2.0
#include "src/engine/free_space.h"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <unordered_set>

#include "repo/tree.h"
#include "src/engine/source_entry.h"
#include "src/engine/tree_path.h"

namespace lagan {
namespace {

struct Need {
  std::uint64_t bytes = 0, entries = 0;
};

std::uint64_t stored_bytes(const ChunkSource& source, const Entry& file) {
  std::uint64_t bytes = file.inline_content.size();
  // What cannot be read will be told when it is restored.
  (void)for_each_slice(source, file, [&](const Slice& slice) -> Result<void> {
    if (slice.id) bytes += slice.length;
    return {};
  });
  return bytes;
}

Result<Need> count(int target, const ChunkSource& source, const Entry& top,
                   const RestoreFilter& filter) {
  Need need;
  std::unordered_set<std::uint64_t> links;
  const TreeVisitor visitor{
      .each = [&](const std::string& path, const Entry& entry) -> Result<bool> {
        const bool is_folder = entry.kind == EntryKind::directory;
        const RestoreFilter::Choice choice = filter.choose(path, is_folder);
        if (choice == RestoreFilter::Choice::no) return false;
        if (entry.hardlink && !links.insert(*entry.hardlink).second) return false;
        // Only an estimate: where the way leads over a symlink it may be wrong.
        const auto there = source_status(target, path.c_str() + 1);
        if (!there) ++need.entries;
        if (entry.kind != EntryKind::file) return true;
        const std::uint64_t bytes = stored_bytes(source, entry);
        // One with several names is kept only as it is.
        const bool may_stay = there && there->kind == EntryKind::file &&
                              (there->links == 1 || (entry.hardlink && there->size == entry.size &&
                                                     there->mtime == entry.mtime));
        need.bytes += may_stay ? bytes - std::min(bytes, there->blocks * 512) : bytes;
        return true;
      },
      .trouble = [](const std::string&, const Error&) {}};
  if (top.kind == EntryKind::directory) {
    TRY(visit_tree(source, top.subtree, "", visitor));
  } else {
    TRY(visitor.each("/" + top.name, top));
  }
  return need;
}

}  // namespace

Result<void> check_free_space(int target, const ChunkSource& source, const Entry& top,
                              const RestoreFilter& filter) {
  struct statvfs system {};
  // Where nobody knows, nobody is stopped.
  if (::fstatvfs(target, &system) != 0 || system.f_blocks == 0) return {};
  const std::uint64_t free = std::uint64_t{system.f_bavail} * system.f_frsize;
  const auto fits = [&](const Need& need) {
    return need.bytes <= free && (system.f_files == 0 || need.entries <= system.f_favail);
  };
  const bool is_folder = top.kind == EntryKind::directory;
  const Subtree& below = top.subtree;
  if (fits(is_folder ? Need{below.content_bytes, below.files + below.dirs} : Need{top.size, 1}))
    return {};
  const Need need = TRY(count(target, source, top, filter));
  if (fits(need)) return {};
  constexpr double kMiB = 1024.0 * 1024.0;
  return fail(
      ErrorCode::no_space,
      need.bytes > free
          ? fmt::format("{:.1f} MiB are to be restored, but the target has {:.1f} MiB free "
                        "(--force tries all the same)",
                        static_cast<double>(need.bytes) / kMiB, static_cast<double>(free) / kMiB)
          : fmt::format("{} entries are to be restored, but the target has room for {} "
                        "(--force tries all the same)",
                        need.entries, std::uint64_t{system.f_favail}));
}

}  // namespace lagan
