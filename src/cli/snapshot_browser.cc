// SPDX-License-Identifier: Apache-2.0
#include "src/cli/snapshot_browser.h"

#include <fmt/format.h>

#include "src/engine/tree_path.h"

namespace lagan::cli {

SnapshotBrowser::SnapshotBrowser(const Context& context, std::unique_ptr<Repository> repository,
                                 SnapshotList snapshots, LocalIndex index)
    : context_(context),
      repository_(std::move(repository)),
      snapshots_(std::move(snapshots)),
      index_(std::move(index)),
      reader_(*repository_, index_),
      source_(reader_.source()) {
  reader_.follow_copies();
}

Result<std::unique_ptr<SnapshotBrowser>> SnapshotBrowser::open(Context& context) {
  auto repository = TRY(context.open_repository());
  SnapshotList snapshots = TRY(list_snapshots(*repository));
  for (const std::string& damaged : snapshots.damaged) context.warn(damaged);
  LocalIndex index = TRY(context.load_index(*repository));
  return std::unique_ptr<SnapshotBrowser>(
      new SnapshotBrowser(context, std::move(repository), std::move(snapshots), std::move(index)));
}

Result<SnapshotBrowser::Place> SnapshotBrowser::find(std::string_view text,
                                                     const SnapshotFilter& filter) const {
  const auto [wanted, path] = split_snapshot_path(text);
  Place place{TRY(find_snapshot(snapshots_, wanted, filter)), {}};
  place.entry = TRY(entry_at(source_, place.stored.snapshot, path));
  if (place.entry.kind == EntryKind::directory) place.stored.snapshot.root = place.entry.subtree;
  return place;
}

Result<SnapshotBrowser::Place> SnapshotBrowser::find_folder(std::string_view text,
                                                            const SnapshotFilter& filter) const {
  Place place = TRY(find(text, filter));
  if (place.entry.kind == EntryKind::directory) return place;
  return fail(ErrorCode::invalid_argument, fmt::format("{} is not a folder", text));
}

Result<std::vector<StoredSnapshot>> SnapshotBrowser::choose(const std::vector<std::string>& wanted,
                                                            const SnapshotFilter& filter) const {
  std::vector<StoredSnapshot> chosen;
  for (const std::string& text : wanted) chosen.push_back(TRY(find_folder(text, filter)).stored);
  if (!wanted.empty()) return chosen;
  for (const StoredSnapshot& stored : snapshots_.snapshots) {
    if (matches(filter, stored.snapshot)) chosen.push_back(stored);
  }
  return chosen;
}

std::function<void(const std::string&, const Error&)> SnapshotBrowser::trouble() {
  return [this](const std::string& path, const Error& error) {
    ++errors_;
    context_.warn(fmt::format("{}: {}", path, error.message));
  };
}

std::string clean_path(const std::string& path) {
  std::string clean;
  for (const std::string& part : split_list(path, '/')) {
    if (!part.empty() && part != ".") clean += "/" + part;
  }
  return clean;
}

}  // namespace lagan::cli
