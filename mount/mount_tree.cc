// SPDX-License-Identifier: Apache-2.0
#include "mount/mount_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "mount/entry_status.h"
#include "repo/file_content.h"

namespace lagan {
namespace {

// A node's `extra` is the number of its folder, or how many links a file has.
constexpr std::uint32_t kIsFolder = std::uint32_t{1} << 31;

// A position in a folder of a snapshot: which leaf, and which entry of it comes next.
constexpr unsigned kOrdinalBits = 20;  // a node of 1 MiB has no more entries

constexpr const char* kOwnFolder = ".lagan";
constexpr const char* kErrors = "errors";
constexpr NodeId kOwnFolderId = 2, kErrorsId = 3;

constexpr const char* kOwnXattrs = "user.lagan.";

// The kernel takes no longer names from FUSE.
constexpr std::size_t kNameBytes = 1024;

constexpr std::size_t kReadersKept = 1024;
// What is fetched ahead when the first of several small files is read.
constexpr std::uint64_t kNeighbourBytes = std::uint64_t{8} << 20;
constexpr std::uint64_t kSmallFileBytes = std::uint64_t{1} << 20;
constexpr std::uint32_t kNeighbours = 128;

bool is_shown(const Entry& entry) {
  return is_known_kind(entry) && entry.name.size() <= kNameBytes;
}

timespec as_timespec(Nanoseconds time) {
  constexpr Nanoseconds kSecond = 1'000'000'000;
  Nanoseconds fraction = time % kSecond;
  if (fraction < 0) fraction += kSecond;
  return {(time - fraction) / kSecond, static_cast<long>(fraction)};
}

std::string joined(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : fmt::format("{}/{}", path, name);
}

}  // namespace

MountTree::MountTree(ChunkSource tree_source, ChunkSource data_source, MountTreeOptions options)
    : options_(std::move(options)),
      numbers_(options_.key),
      reader_(tree_source, options_.metadata_cache_bytes),
      chunks_(std::move(data_source), options_.content_cache_bytes, options_.prefetch_threads),
      hard_links_(std::move(tree_source), numbers_),
      errors_(options_.clock),
      readers_(kReadersKept),
      neighbours_(kReadersKept) {
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

std::size_t MountTree::nodes() const {
  const MutexLock lock(mutex_);
  return nodes_.size() + history_nodes_.size();
}

tl::unexpected<Error> MountTree::trouble(const std::string& where, const Error& error) {
  errors_.add(fmt::format("{}: {}", where, error.message));
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
  const MutexLock lock(mutex_);
  const NodeTable::Node* node = nodes_.find(id);
  if (node == nullptr || (node->extra & kIsFolder) == 0) return std::nullopt;
  return folders_[node->extra & ~kIsFolder];
}

std::optional<std::string> MountTree::history_path(NodeId id) const {
  const Shown shown = view();
  const Layout::Place* place = shown->layout.find(id);
  if (place != nullptr && place->kind == Layout::Kind::versions) return std::string();
  const MutexLock lock(mutex_);
  const auto it = history_nodes_.find(id);
  if (it == history_nodes_.end()) return std::nullopt;
  return it->second.path;
}

NodeId MountTree::parent(NodeId id) {
  if (id == kErrorsId) return kOwnFolderId;
  if (id == kOwnFolderId) return kRoot;
  if (const Layout::Place* place = view()->layout.find(id)) return place->parent;
  const MutexLock lock(mutex_);
  const NodeTable::Node* node = nodes_.find(id);
  return node != nullptr ? node->parent : kRoot;
}

std::string MountTree::path_of(NodeId id) {
  std::vector<std::string> names;
  while (true) {
    EntryPlace place;
    NodeId above = 0;
    {
      const MutexLock lock(mutex_);
      const NodeTable::Node* node = nodes_.find(id);
      if (node == nullptr) break;
      place = node->place;
      above = node->parent;
    }
    const auto entry = reader_.entry_at(place);
    names.push_back(entry ? entry->name : "?");
    id = above;
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

NodeStatus MountTree::status_of_errors() const {
  const Shown shown = view();
  const ErrorLog::State state = errors_.state();
  NodeStatus node = status_above(kErrorsId, S_IFREG | 0444, *shown);
  node.status.st_size = static_cast<off_t>(state.text.size());
  node.status.st_mtim = node.status.st_ctim = as_timespec(state.changed);
  return node;
}

NodeStatus MountTree::status_of_entry(const Entry& entry, NodeId id, std::uint32_t links) {
  std::optional<std::uint64_t> bytes = data_bytes_of(entry);
  if (!bytes) {
    // Tools look for holes when there are fewer blocks than the size takes.
    bytes = entry.size - std::min<std::uint64_t>(entry.size, 512);
    if (const auto map = ContentMap::open(reader_.source(), entry)) {
      if (const auto counted = (*map)->data_bytes(); counted && *counted) bytes = **counted;
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

Result<Entry> MountTree::entry_of(NodeId id) {
  EntryPlace place;
  {
    const MutexLock lock(mutex_);
    const NodeTable::Node* node = nodes_.find(id);
    if (node == nullptr) return fail(ErrorCode::not_found, "there is no such node");
    place = node->place;
  }
  return entry_at(place);
}

Result<NodeStatus> MountTree::status(NodeId id) {
  const Shown shown = view();
  if (const Layout::Place* place = shown->layout.find(id)) return status_of_place(*place, *shown);
  if (id == kOwnFolderId) return status_above(id, S_IFDIR | 0555, *shown);
  if (id == kErrorsId) return status_of_errors();
  EntryPlace place;
  std::uint32_t links = 1;
  {
    const MutexLock lock(mutex_);
    if (history_nodes_.contains(id)) return status_above(id, S_IFDIR | 0555, *shown);
    const NodeTable::Node* node = nodes_.find(id);
    if (node == nullptr) return fail(ErrorCode::not_found, "there is no such node");
    place = node->place;
    if ((node->extra & kIsFolder) == 0) links = node->extra;
  }
  return status_of_entry(TRY(entry_at(place)), id, links);
}

// --- names

MountTree::Named MountTree::name(const SnapshotFolder& folder, const Entry& entry,
                                 std::string_view encoded) {
  if (entry.kind == EntryKind::directory) return {numbers_.of('d', folder.id, entry.name)};
  const std::uint64_t above = options_.own_xattrs ? folder.id : folder.path;
  if (!entry.hardlink) return {numbers_.of('f', above, encoded)};
  const auto stored = snapshot(folder.snapshot);
  const std::uint64_t file = hard_links_.file_number(entry);
  Named named;
  if (stored->snapshot.root.id) named.links = hard_links_.names_of(*stored->snapshot.root.id, file);
  // The same file with more names in another snapshot is another node: its status differs.
  const std::string bound =
      fmt::format("{} {} {}", file, named.links, options_.own_xattrs ? stored->id.hex() : "");
  named.id = numbers_.of('h', numbers_.of('r', 0, stored->snapshot.host), bound);
  return named;
}

void MountTree::refer(const Named& named, const SnapshotFolder& folder, const Entry& entry,
                      const EntryPlace& place) {
  const MutexLock lock(mutex_);
  bool is_new = false;
  NodeTable::Node& node = nodes_.add(named.id, is_new);
  if (!is_new) return;
  node.parent = folder.id;
  node.place = place;
  node.extra = named.links;
  if (entry.kind != EntryKind::directory) return;
  std::uint32_t number = static_cast<std::uint32_t>(folders_.size());
  if (free_folders_.empty()) {
    folders_.emplace_back();
  } else {
    number = free_folders_.back();
    free_folders_.pop_back();
  }
  folders_[number] = {named.id, folder.id, numbers_.of('p', folder.path, entry.name),
                      entry.subtree.id, folder.snapshot};
  node.extra = kIsFolder | number;
}

NodeStatus MountTree::take(const SnapshotFolder& folder, const FoundEntry& found) {
  // The leaf was there a moment ago; if it is gone, what is encoded anew says the same.
  const auto leaf = reader_.leaf(found.place.leaf);
  const std::string encoded = leaf && found.place.ordinal < (*leaf)->entries.size()
                                  ? std::string((*leaf)->entries[found.place.ordinal])
                                  : encode(found.entry);
  const Named named = name(folder, found.entry, encoded);
  refer(named, folder, found.entry, found.place);
  return status_of_entry(found.entry, named.id, named.links);
}

// The next snapshot may bring one of another content and the same name.
NodeStatus MountTree::take_version(const History::Version& version) {
  NodeStatus node = take(version.folder, version.found);
  node.is_name_lasting = false;
  return node;
}

void MountTree::forget(NodeId id, std::uint64_t references) {
  const MutexLock lock(mutex_);
  if (const auto it = history_nodes_.find(id); it != history_nodes_.end()) {
    it->second.references -= std::min(it->second.references, references);
    if (it->second.references == 0) history_nodes_.erase(it);
    return;
  }
  NodeTable::Node* node = nodes_.find(id);
  if (node == nullptr || node->references == 0xffff'ffff) return;
  if (node->references > references) {
    node->references -= static_cast<std::uint32_t>(references);
    return;
  }
  if ((node->extra & kIsFolder) != 0) free_folders_.push_back(node->extra & ~kIsFolder);
  nodes_.erase(id);
  readers_.erase(id);
  incomplete_.erase(id);
}

Result<std::optional<NodeStatus>> MountTree::lookup(NodeId folder, std::string_view name) {
  const Shown shown = view();
  if (folder == kOwnFolderId) {
    if (name != kErrors) return std::nullopt;
    return status_of_errors();
  }
  if (const Layout::Place* place = shown->layout.find(folder)) {
    if (place->kind == Layout::Kind::folder) {
      if (const auto* found = Layout::find_name(*place, name))
        return status_of_place(*shown->layout.find(found->second), *shown);
    } else if (place->kind == Layout::Kind::link) {
      return fail(ErrorCode::invalid_argument, "not a folder");
    }
  }
  std::optional<NodeStatus> found;
  if (const auto inside = folder_of(folder)) {
    found = TRY(lookup_in_folder(*inside, name));
  } else if (const auto path = history_path(folder)) {
    found = TRY(lookup_in_history(*path, *shown, name));
  }
  // A source may have something of that name.
  if (!found && folder == kRoot && name == kOwnFolder)
    found = status_above(kOwnFolderId, S_IFDIR | 0555, *shown);
  return found;
}

Result<std::optional<NodeStatus>> MountTree::lookup_in_folder(const SnapshotFolder& folder,
                                                              std::string_view name) {
  if (!folder.top) return std::nullopt;
  auto found = reader_.find(*folder.top, name);
  if (!found) return trouble(joined(path_of(folder.id), name), found.error());
  if (!*found || !is_shown((*found)->entry)) return std::nullopt;
  return take(folder, **found);
}

Result<std::optional<NodeStatus>> MountTree::lookup_in_history(const std::string& path,
                                                               const View& view,
                                                               std::string_view name) {
  const auto history = view.histories->at(path);
  if (!history) return trouble(path, history.error());
  for (const History::Version& version : (*history)->versions) {
    if (version.name == name) return take_version(version);
  }
  if (!is_valid_entry_name(name) || name.size() > kNameBytes) return std::nullopt;
  const std::string below = joined(path, name);
  const auto found = view.histories->at(below);
  if (!found) return trouble(below, found.error());
  if ((*found)->is_empty()) return std::nullopt;
  return take_history(below, view);
}

NodeStatus MountTree::take_history(const std::string& path, const View& view) {
  const NodeId id = numbers_.of('v', 0, path);
  const MutexLock lock(mutex_);
  HistoryNode& node = history_nodes_[id];
  node.path = path;
  ++node.references;
  return status_above(id, S_IFDIR | 0555, view);
}

// --- lists

Result<void> MountTree::list(NodeId folder, std::uint64_t position, const EachName& each) {
  const Shown shown = view();
  if (folder == kOwnFolderId) {
    if (position == 0) each(kErrors, status_of_errors(), 1);
    return {};
  }
  const Layout::Place* place = shown->layout.find(folder);
  if (place != nullptr && place->kind == Layout::Kind::folder) {
    for (std::size_t i = position; i < place->names.size(); ++i) {
      const auto& [name, id] = place->names[i];
      if (!each(name, status_of_place(*shown->layout.find(id), *shown), i + 1)) return {};
    }
    if (folder == kRoot && position <= place->names.size())
      each(kOwnFolder, status_above(kOwnFolderId, S_IFDIR | 0555, *shown), place->names.size() + 1);
    return {};
  }
  if (const auto inside = folder_of(folder)) return list_folder(*inside, position, each);
  if (const auto path = history_path(folder)) return list_history(*path, *shown, position, each);
  return fail(place != nullptr ? ErrorCode::invalid_argument : ErrorCode::not_found,
              "there is no such folder");
}

Result<void> MountTree::list_folder(const SnapshotFolder& folder, std::uint64_t position,
                                    const EachName& each) {
  if (!folder.top) return {};
  const auto all = reader_.leaves(*folder.top);
  if (!all) return trouble(path_of(folder.id), all.error());
  const auto note = [&](const Error& error) {
    (void)trouble(path_of(folder.id), error);
    const MutexLock lock(mutex_);
    incomplete_.insert(folder.id);
  };
  if (position == 0) {
    {
      const MutexLock lock(mutex_);
      incomplete_.erase(folder.id);
    }
    for (const Error& error : (*all)->trouble) note(error);
  }
  bool is_end = true;
  std::size_t number = position >> kOrdinalBits;
  std::size_t ordinal = position & ((std::uint64_t{1} << kOrdinalBits) - 1);
  for (; number < (*all)->leaves.size(); ++number, ordinal = 0) {
    const auto leaf = reader_.leaf((*all)->leaves[number]);
    if (!leaf) {
      note(leaf.error());
      continue;
    }
    for (; ordinal < (*leaf)->entries.size(); ++ordinal) {
      const std::string_view encoded = (*leaf)->entries[ordinal];
      const auto entry = decode_entry(as_bytes(encoded));
      if (!entry) {
        note(entry.error());
        continue;
      }
      if (!is_shown(*entry)) {
        note({ErrorCode::unsupported, "an entry of a later version, or whose name is too long"});
        continue;
      }
      const Named named = name(folder, *entry, encoded);
      const bool is_last = ordinal + 1 == (*leaf)->entries.size();
      const std::uint64_t next = is_last ? (std::uint64_t{number} + 1) << kOrdinalBits
                                         : (std::uint64_t{number} << kOrdinalBits) + ordinal + 1;
      // Referred to first: another thread may ask for it as soon as it is told.
      refer(named, folder, *entry, {(*leaf)->number, static_cast<std::uint32_t>(ordinal)});
      if (!each(entry->name, status_of_entry(*entry, named.id, named.links), next)) {
        forget(named.id, 1);
        return {};
      }
      is_end = false;
    }
  }
  const MutexLock lock(mutex_);
  if (is_end && incomplete_.contains(folder.id))
    return fail(ErrorCode::io, "some of its names cannot be read");
  return {};
}

Result<void> MountTree::list_history(const std::string& path, const View& view,
                                     std::uint64_t position, const EachName& each) {
  const auto history = view.histories->at(path);
  if (!history) return trouble(path, history.error());
  const auto names = view.histories->names_in(path);
  if (!names) return trouble(path, names.error());
  const auto& versions = (*history)->versions;
  for (std::size_t i = position; i < versions.size() + (*names)->size(); ++i) {
    const bool is_version = i < versions.size();
    const std::string& name = is_version ? versions[i].name : (**names)[i - versions.size()];
    if (name.size() > kNameBytes) continue;
    const NodeStatus node =
        is_version ? take_version(versions[i]) : take_history(joined(path, name), view);
    if (!each(name, node, i + 1)) {
      forget(node.id, 1);
      return {};
    }
  }
  return {};
}

// --- content

Result<std::string> MountTree::link_target(NodeId id) {
  const Shown shown = view();
  if (const Layout::Place* place = shown->layout.find(id)) {
    if (place->kind == Layout::Kind::link) return place->target;
    return fail(ErrorCode::invalid_argument, "not a link");
  }
  Entry entry = TRY(entry_of(id));
  if (entry.kind != EntryKind::symlink) return fail(ErrorCode::invalid_argument, "not a link");
  return std::move(entry.link_target);
}

Result<std::shared_ptr<FileReader>> MountTree::reader_of(NodeId id) {
  {
    const MutexLock lock(mutex_);
    if (const auto* known = readers_.find(id)) return *known;
  }
  Entry entry = TRY(entry_of(id));
  if (entry.kind != EntryKind::file) return fail(ErrorCode::invalid_argument, "not a file");
  const bool is_small = entry.size <= kSmallFileBytes && !entry.slices.empty();
  auto map = ContentMap::open(reader_.source(), std::move(entry));
  if (!map) return trouble(path_of(id), map.error());
  if (is_small) fetch_neighbours(id);
  auto reader = std::make_shared<FileReader>(chunks_, *std::move(map));
  const MutexLock lock(mutex_);
  return readers_.put(id, std::move(reader), 1);
}

// Whoever reads one small file will most likely read those behind it.
void MountTree::fetch_neighbours(NodeId id) {
  if (!chunks_.can_prefetch()) return;
  EntryPlace place;
  {
    const MutexLock lock(mutex_);
    const NodeTable::Node* node = nodes_.find(id);
    if (node == nullptr) return;
    place = node->place;
    std::uint32_t* fetched = neighbours_.find(place.leaf);
    // When half of them are used, the next ones come.
    if (fetched != nullptr && place.ordinal + kNeighbours / 2 < *fetched) return;
  }
  const auto leaf = reader_.leaf(place.leaf);
  if (!leaf) return;
  const auto end = static_cast<std::uint32_t>(
      std::min<std::size_t>((*leaf)->entries.size(), std::size_t{place.ordinal} + kNeighbours));
  std::uint64_t bytes = 0;
  std::uint32_t at = place.ordinal + 1;
  for (; at < end && bytes < kNeighbourBytes; ++at) {
    (void)for_each_reference(as_bytes((*leaf)->entries[at]),
                             [&](const ChunkId& chunk, ChunkKind kind) -> Result<void> {
                               if (kind == ChunkKind::data) chunks_.prefetch(chunk);
                               return {};
                             });
    const auto entry = decode_entry(as_bytes((*leaf)->entries[at]));
    if (entry && entry->kind == EntryKind::file) bytes += entry->size;
  }
  const MutexLock lock(mutex_);
  neighbours_.put(place.leaf, at, 1);
}

Result<Pieces> MountTree::read(NodeId id, std::uint64_t offset, std::uint64_t size) {
  if (id == kErrorsId) {
    const auto text = std::make_shared<const std::string>(errors_.state().text);
    if (offset >= text->size()) return Pieces();
    return Pieces{{as_bytes(std::string_view(*text).substr(offset, size)), text}};
  }
  const auto reader = TRY(reader_of(id));
  auto pieces = reader->read(offset, size);
  if (!pieces) return trouble(fmt::format("{}: at byte {}", path_of(id), offset), pieces.error());
  return pieces;
}

Result<std::optional<std::uint64_t>> MountTree::seek(NodeId id, std::uint64_t offset,
                                                     ContentMap::Kind kind) {
  if (id == kErrorsId) {
    const auto size = static_cast<std::uint64_t>(status_of_errors().status.st_size);
    if (offset >= size) return std::nullopt;
    return kind == ContentMap::Kind::data ? offset : size;
  }
  const auto reader = TRY(reader_of(id));
  if (offset >= reader->map().size()) return std::nullopt;
  auto found = reader->map().seek(offset, kind);
  if (!found) return trouble(path_of(id), found.error());
  return found;
}

// --- attributes

std::vector<std::string> MountTree::own_xattr_names(NodeId id) const {
  std::vector<std::string> names;
  if (!options_.own_xattrs) return names;
  for (const char* name : {"snapshot", "time", "host", "path", "content"})
    names.push_back(std::string(kOwnXattrs) + name);
  (void)id;
  return names;
}

Result<std::optional<std::string>> MountTree::own_xattr(NodeId id, const std::string& name) {
  const std::string which = name.substr(std::strlen(kOwnXattrs));
  NodeId above = id;
  std::optional<SnapshotFolder> folder = folder_of(id);
  if (!folder) folder = folder_of(parent(above));
  if (!folder) return std::nullopt;
  const auto stored = snapshot(folder->snapshot);
  if (which == "snapshot") return stored->id.hex();
  if (which == "host") return stored->snapshot.host;
  if (which == "time") return format_snapshot_time(stored->snapshot, "%Y-%m-%dT%H:%M:%S%:z");
  if (which == "path") return path_of(id);
  if (which == "content") {
    const auto inside = folder_of(id);
    if (inside) return inside->top ? inside->top->hex() : std::string();
    const Entry entry = TRY(entry_of(id));
    std::string ids;
    for (const Slice& slice : entry.slices) {
      if (slice.id) ids += (ids.empty() ? "" : " ") + slice.id->hex();
    }
    return entry.list ? entry.list->hex() : ids;
  }
  return std::nullopt;
}

Result<std::vector<std::string>> MountTree::xattr_names(NodeId id) {
  std::vector<std::string> names;
  bool is_inside = false;
  {
    const MutexLock lock(mutex_);
    is_inside = nodes_.find(id) != nullptr;
  }
  if (is_inside) {
    for (const Xattr& attribute : TRY(entry_of(id)).xattrs) names.push_back(attribute.name);
  } else if (!folder_of(id)) {
    return names;
  }
  for (std::string& name : own_xattr_names(id)) names.push_back(std::move(name));
  return names;
}

Result<std::optional<std::string>> MountTree::xattr(NodeId id, const std::string& name) {
  if (options_.own_xattrs && name.starts_with(kOwnXattrs)) return own_xattr(id, name);
  {
    const MutexLock lock(mutex_);
    if (nodes_.find(id) == nullptr) return std::nullopt;
  }
  const Entry entry = TRY(entry_of(id));
  for (const Xattr& attribute : entry.xattrs) {
    if (attribute.name != name) continue;
    auto value = xattr_value(
        [this](const ChunkId& chunk, ChunkKind) -> Result<Bytes> {
          return Bytes::copy_of(*TRY(chunks_.load(chunk)));
        },
        attribute);
    if (!value) return trouble(path_of(id), value.error());
    return std::optional(*std::move(value));
  }
  return std::nullopt;
}

bool MountTree::may_have_acl(NodeId id) {
  EntryPlace place;
  {
    const MutexLock lock(mutex_);
    const NodeTable::Node* node = nodes_.find(id);
    if (node == nullptr) return false;
    place = node->place;
  }
  const auto leaf = reader_.leaf(place.leaf);
  return !leaf || (*leaf)->has_acls;
}

Result<MountTree::InodeFlags> MountTree::inode_flags(NodeId id) {
  {
    const MutexLock lock(mutex_);
    if (nodes_.find(id) == nullptr) return InodeFlags{};
  }
  const Entry entry = TRY(entry_of(id));
  return InodeFlags{entry.flags, entry.project};
}

}  // namespace lagan
