// SPDX-License-Identifier: Apache-2.0
#include "src/cli/shown_tree.h"

#include <fmt/format.h>

#include "src/engine/tree_path.h"

namespace lagan::cli {
namespace {

// Makes a folder of each snapshot its root.
Result<void> enter(std::vector<StoredSnapshot>& snapshots, const ChunkSource& trees,
                   const std::string& path) {
  if (path.empty()) return {};
  for (StoredSnapshot& stored : snapshots) {
    const Entry entry = TRY(entry_at(trees, stored.snapshot, path));
    if (entry.kind != EntryKind::directory)
      return fail(ErrorCode::invalid_argument, fmt::format("{} is not a folder", path));
    stored.snapshot.root = entry.subtree;
  }
  return {};
}

MountTreeOptions with_blocks(MountTreeOptions options, MountSource& source) {
  options.block_of = source.block_of();
  return options;
}

}  // namespace

ShownTree::ShownTree(const Repository& repository, MountSourceOptions source, MountTreeOptions tree,
                     std::chrono::milliseconds interval)
    : is_single_(tree.is_single),
      interval_(interval),
      source_(repository, std::move(source)),
      tree_(source_.trees(), source_.content(), with_blocks(std::move(tree), source_)) {}

Result<std::unique_ptr<ShownTree>> ShownTree::open(Context& context, const Repository& repository,
                                                   const TreeFlags& flags,
                                                   MountTreeOptions options) {
  const std::string folder = options.folder;
  std::unique_ptr<ShownTree> shown(new ShownTree(repository, TRY(flags.source_options()),
                                                 std::move(options), TRY(flags.interval())));
  auto look = TRY(shown->source_.look());
  TRY(enter(look->snapshots, shown->source_.trees(), folder));
  for (const std::string& damaged : look->damaged) {
    context.warn(damaged);
    shown->tree_.note(damaged);
  }
  shown->tree_.set_snapshots(std::move(look->snapshots));
  return shown;
}

std::string ShownTree::count_text() const {
  return fmt::format("{} {}", count(), count() == 1 ? "snapshot is" : "snapshots are");
}

void ShownTree::follow() {
  if (!is_single_) follower_.emplace(source_, tree_, interval_);
}

}  // namespace lagan::cli
