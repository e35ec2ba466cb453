// SPDX-License-Identifier: Apache-2.0
#include "mount/mount_tree.h"

#include <fmt/format.h>

#include <algorithm>

#include "mount/entry_status.h"
#include "mount/outage.h"

namespace lagan {
namespace {

timespec as_timespec(Nanoseconds time) {
  constexpr Nanoseconds kSecond = 1'000'000'000;
  Nanoseconds fraction = time % kSecond;
  if (fraction < 0) fraction += kSecond;
  return {(time - fraction) / kSecond, static_cast<long>(fraction)};
}

}  // namespace

MountTree::MountTree(ChunkSource tree_source, ChunkSource data_source, MountTreeOptions options)
    : options_(std::move(options)),
      numbers_(options_.key),
      reader_(tree_source, options_.metadata_cache_bytes),
      chunks_(std::move(data_source), options_.content_cache_bytes, options_.prefetch_threads,
              options_.block_of),
      readers_(reader_, chunks_),
      hard_links_(std::move(tree_source), numbers_),
      reports_(options_.clock) {
  set_snapshots({});
}

void MountTree::set_snapshots(std::vector<StoredSnapshot> snapshots) {
  if (options_.is_single && snapshots.size() > 1)
    snapshots.erase(snapshots.begin(), snapshots.end() - 1);
  auto made = std::make_shared<View>(
      View{options_.is_single ? Layout::of_one(0) : Layout(snapshots, options_.layout, numbers_),
           {},
           0,
           {},
           nullptr});
  made->time = options_.clock();
  for (const StoredSnapshot& stored : snapshots) {
    made->totals.bytes += stored.snapshot.root.content_bytes;
    made->totals.entries += stored.snapshot.root.files + stored.snapshot.root.dirs;
  }
  {
    const MutexLock lock(mutex_);
    for (StoredSnapshot& stored : snapshots) {
      const auto [it, is_new] = snapshot_numbers_.try_emplace(stored.id, snapshots_.size());
      if (is_new) snapshots_.push_back(std::make_shared<const StoredSnapshot>(std::move(stored)));
      made->numbers.push_back(it->second);
    }
  }
  std::vector<SnapshotFolder> roots;
  for (const std::size_t number : made->numbers) roots.push_back(root_of(number, 0, 0));
  made->histories = std::make_unique<Histories>(reader_, numbers_, std::move(roots));
  const MutexLock lock(mutex_);
  view_ = std::move(made);
}

MountTree::Shown MountTree::view() const {
  const MutexLock lock(mutex_);
  return view_;
}

std::shared_ptr<const StoredSnapshot> MountTree::snapshot(std::size_t number) const {
  const MutexLock lock(mutex_);
  return snapshots_[number];
}

std::vector<std::shared_ptr<const StoredSnapshot>> MountTree::snapshots() const {
  const Shown shown = view();
  const MutexLock lock(mutex_);
  std::vector<std::shared_ptr<const StoredSnapshot>> all;
  for (const std::size_t number : shown->numbers) all.push_back(snapshots_[number]);
  return all;
}

std::shared_ptr<const StoredSnapshot> MountTree::snapshot_of(NodeId id) const {
  const auto inside = folder_of(id);
  return inside ? snapshot(inside->snapshot) : nullptr;
}

Result<Entry> MountTree::folder(NodeId id) {
  const auto inside = folder_of(id);
  if (!inside) return fail(ErrorCode::invalid_argument, "no folder of a snapshot");
  if (view()->layout.find(id) == nullptr) return entry_of(id);
  Entry root;
  root.kind = EntryKind::directory;
  root.subtree.id = inside->top;
  return root;
}

MountTree::Totals MountTree::totals() const { return view()->totals; }

tl::unexpected<Error> MountTree::trouble(const std::string& where, const Error& error) {
  note(fmt::format("{}: {}", where, error.message));
  return fail(ErrorCode::io, fmt::format("{}: {}", where, error.message));
}

SnapshotFolder MountTree::root_of(std::size_t number, NodeId id, NodeId parent) const {
  const auto stored = snapshot(number);
  SnapshotFolder root{id, parent, numbers_.of('r', 0, stored->snapshot.host),
                      stored->snapshot.root.id, number};
  std::string_view rest = options_.folder;
  while (!rest.empty()) {
    const std::size_t slash = rest.find('/');
    if (const std::string_view name = rest.substr(0, slash); !name.empty())
      root.path = numbers_.of('p', root.path, name);
    rest = slash == rest.npos ? std::string_view() : rest.substr(slash + 1);
  }
  return root;
}

std::optional<SnapshotFolder> MountTree::folder_of(NodeId id) const {
  const Shown shown = view();
  if (const Layout::Place* place = shown->layout.find(id)) {
    if (place->kind != Layout::Kind::snapshot || place->snapshot >= shown->numbers.size())
      return std::nullopt;
    return root_of(shown->numbers[place->snapshot], id, place->parent);
  }
  return nodes_.folder(id);
}

std::optional<std::string> MountTree::history_path(NodeId id) const {
  const Shown shown = view();
  const Layout::Place* place = shown->layout.find(id);
  if (place != nullptr && place->kind == Layout::Kind::versions) return std::string();
  return nodes_.history(id);
}

NodeId MountTree::parent(NodeId id) {
  if (ReportFolder::is_file(id)) return ReportFolder::kId;
  if (id == ReportFolder::kId) return kRoot;
  if (const Layout::Place* place = view()->layout.find(id)) return place->parent;
  const auto node = nodes_.find(id);
  return node ? node->parent : kRoot;
}

std::string MountTree::path_of(NodeId id) {
  std::vector<std::string> names;
  while (const auto node = nodes_.find(id)) {
    const auto entry = reader_.entry_at(node->place);
    names.push_back(entry ? entry->name : "?");
    id = node->parent;
  }
  std::string path;
  for (auto name = names.rbegin(); name != names.rend(); ++name) path += "/" + *name;
  return path.empty() ? "/" : path;
}

// --- what stat says

NodeStatus MountTree::status_above(NodeId id, mode_t mode, const View& view) const {
  NodeStatus node;
  node.id = id;
  node.status.st_ino = id;
  node.status.st_mode = mode;
  node.status.st_nlink = 1;
  node.status.st_uid = options_.owner_root ? 0 : options_.uid;
  node.status.st_gid = options_.owner_root ? 0 : options_.gid;
  node.status.st_mtim = node.status.st_ctim = node.status.st_atim = as_timespec(view.time);
  node.status.st_blksize = 4096;
  return node;
}

NodeStatus MountTree::status_of_place(const Layout::Place& place, const View& view) const {
  NodeStatus node = status_above(place.id, S_IFDIR | 0555, view);
  if (place.kind == Layout::Kind::link) {
    node.status.st_mode = S_IFLNK | 0777;
    node.status.st_size = static_cast<off_t>(place.target.size());
  } else if (place.kind == Layout::Kind::snapshot && place.snapshot < view.numbers.size()) {
    const auto stored = snapshot(view.numbers[place.snapshot]);
    node.status.st_mtim = node.status.st_ctim = node.status.st_atim =
        as_timespec(stored->snapshot.time);
    node.is_lasting = true;
  }
  return node;
}

MountState MountTree::state() const {
  const auto all = snapshots();
  MountState state;
  state.repository = options_.repository;
  state.snapshots = all.size();
  if (!all.empty()) state.newest = all.back()->id.hex();
  state.changed = view()->time;
  state.nodes = nodes();
  state.contents = {chunks_.bytes(), chunks_.max_bytes()};
  state.folders = {reader_.cached_bytes(), options_.metadata_cache_bytes};
  return state;
}

NodeStatus MountTree::status_of_report(NodeId file) {
  if (file == ReportFolder::kStatus) reports_.tell(state());
  const ReportFolder::Content content = reports_.content(file);
  NodeStatus node = status_above(file, S_IFREG | 0444, *view());
  node.status.st_size = static_cast<off_t>(content.text.size());
  node.status.st_mtim = node.status.st_ctim = as_timespec(content.changed);
  return node;
}

Result<NodeStatus> MountTree::status_of_entry(const Entry& entry, NodeId id, std::uint32_t links) {
  std::optional<std::uint64_t> bytes = data_bytes_of(entry);
  if (!bytes) {
    // Tools look for holes when there are fewer blocks than the size takes.
    bytes = entry.size - std::min<std::uint64_t>(entry.size, 512);
    if (const auto map = ContentMap::open(reader_.source(), entry)) {
      const auto counted = (*map)->data_bytes();
      if (!counted && is_outage(counted.error())) return fail(counted.error());
      if (counted && *counted) bytes = **counted;
    }
  }
  NodeStatus node;
  node.id = id;
  node.status = lagan::status_of(entry, *bytes);
  node.status.st_ino = id;
  node.status.st_nlink = links;
  if (options_.owner_root) node.status.st_uid = node.status.st_gid = 0;
  node.is_lasting = node.is_name_lasting = true;
  return node;
}

Result<Entry> MountTree::entry_at(const EntryPlace& place) {
  auto entry = reader_.entry_at(place);
  if (!entry) return trouble("an entry", entry.error());
  return entry;
}

Result<EntryPlace> MountTree::place_of(NodeId id) const {
  const auto node = nodes_.find(id);
  if (!node) return fail(ErrorCode::not_found, "there is no such node");
  return node->place;
}

Result<Entry> MountTree::entry_of(NodeId id) { return entry_at(TRY(place_of(id))); }

Result<NodeStatus> MountTree::status(NodeId id) {
  const Shown shown = view();
  if (const Layout::Place* place = shown->layout.find(id)) return status_of_place(*place, *shown);
  if (ReportFolder::is_file(id)) return status_of_report(id);
  if (id == ReportFolder::kId || nodes_.history(id))
    return status_above(id, S_IFDIR | 0555, *shown);
  const auto node = nodes_.find(id);
  if (!node) return fail(ErrorCode::not_found, "there is no such node");
  const auto status = status_of_entry(TRY(entry_at(node->place)), id, node->links);
  if (!status) return trouble(path_of(id), status.error());
  return status;
}

}  // namespace lagan
