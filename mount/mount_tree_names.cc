// SPDX-License-Identifier: Apache-2.0
// Names of a mount tree: what a folder has of one name, and all it has.
#include <fmt/format.h>

#include "mount/mount_tree.h"
#include "mount/outage.h"

namespace lagan {
namespace {

// A position in a folder of a snapshot: which leaf, and which entry of it comes next.
constexpr unsigned kOrdinalBits = 20;  // a node of 1 MiB has no more entries
// Of a position: before it a name was passed over.
constexpr std::uint64_t kPassedOver = std::uint64_t{1} << 62;

// The kernel takes no longer names from FUSE.
constexpr std::size_t kNameBytes = 1024;

bool is_shown(const Entry& entry) {
  return is_known_kind(entry) && entry.name.size() <= kNameBytes;
}

std::string joined(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : fmt::format("{}/{}", path, name);
}

}  // namespace

Result<MountTree::Named> MountTree::name(const SnapshotFolder& folder, const Entry& entry,
                                         std::string_view encoded) {
  if (entry.kind == EntryKind::directory) return Named{numbers_.of('d', folder.id, entry.name)};
  const std::uint64_t above = options_.own_xattrs ? folder.id : folder.path;
  if (!entry.hardlink) return Named{numbers_.of('f', above, encoded)};
  const auto stored = snapshot(folder.snapshot);
  const std::uint64_t file = hard_links_.file_number(entry);
  Named named;
  if (stored->snapshot.root.id)
    named.links = TRY(hard_links_.names_of(*stored->snapshot.root.id, file));
  // The same file with more names in another snapshot is another node: its status differs.
  const std::string bound =
      fmt::format("{} {} {}", file, named.links, options_.own_xattrs ? stored->id.hex() : "");
  named.id = numbers_.of('h', numbers_.of('r', 0, stored->snapshot.host), bound);
  return named;
}

void MountTree::refer(const Named& named, const SnapshotFolder& folder, const Entry& entry,
                      const EntryPlace& place) {
  if (entry.kind != EntryKind::directory)
    return nodes_.refer(named.id, {folder.id, place, named.links});
  nodes_.refer_folder({named.id, folder.id, numbers_.of('p', folder.path, entry.name),
                       entry.subtree.id, folder.snapshot},
                      place);
}

Result<NodeStatus> MountTree::take(const SnapshotFolder& folder, const FoundEntry& found) {
  // The leaf was there a moment ago; if it is gone, what is encoded anew says the same.
  const auto leaf = reader_.leaf(found.place.leaf);
  const std::string encoded = leaf && found.place.ordinal < (*leaf)->entries.size()
                                  ? std::string((*leaf)->entries[found.place.ordinal])
                                  : encode(found.entry);
  const auto named = name(folder, found.entry, encoded);
  const auto status =
      named ? status_of_entry(found.entry, named->id, named->links) : fail(named.error());
  if (!status) return trouble(joined(path_of(folder.id), found.entry.name), status.error());
  refer(*named, folder, found.entry, found.place);
  return status;
}

// The next snapshot may bring one of another content and the same name.
Result<NodeStatus> MountTree::take_version(const History::Version& version) {
  NodeStatus node = TRY(take(version.folder, version.found));
  node.is_name_lasting = false;
  return node;
}

void MountTree::forget(NodeId id, std::uint64_t references) {
  if (!nodes_.forget(id, references)) return;
  readers_.forget(id);
}

Result<std::optional<NodeStatus>> MountTree::lookup(NodeId folder, std::string_view name) {
  const Shown shown = view();
  if (folder == ReportFolder::kId) {
    const auto file = ReportFolder::find(name);
    return file ? std::optional(status_of_report(*file)) : std::nullopt;
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
  if (!found && folder == kRoot && name == ReportFolder::kName)
    found = status_above(ReportFolder::kId, S_IFDIR | 0555, *shown);
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
  if ((*history)->missed) (void)trouble(path, *(*history)->missed);
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
  nodes_.refer_history(id, path);
  return status_above(id, S_IFDIR | 0555, view);
}

Result<void> MountTree::list(NodeId folder, std::uint64_t position, const EachName& each) {
  const Shown shown = view();
  if (folder == ReportFolder::kId) {
    for (std::size_t i = position; i < ReportFolder::kFiles.size(); ++i) {
      const auto& [name, id] = ReportFolder::kFiles[i];
      if (!each(name, status_of_report(id), i + 1)) break;
    }
    return {};
  }
  const Layout::Place* place = shown->layout.find(folder);
  if (place != nullptr && place->kind == Layout::Kind::folder) {
    for (std::size_t i = position; i < place->names.size(); ++i) {
      const auto& [name, id] = place->names[i];
      if (!each(name, status_of_place(*shown->layout.find(id), *shown), i + 1)) return {};
    }
    if (folder == kRoot && position <= place->names.size())
      each(ReportFolder::kName, status_above(ReportFolder::kId, S_IFDIR | 0555, *shown),
           place->names.size() + 1);
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
  // Goes from call to call with the position.
  std::uint64_t passed_over = position & kPassedOver;
  position &= ~kPassedOver;
  const auto note = [&](const Error& error) {
    (void)trouble(path_of(folder.id), error);
    passed_over = kPassedOver;
  };
  if (position == 0) {
    for (const Error& error : (*all)->trouble) note(error);
  }
  bool is_end = true;
  std::size_t number = position >> kOrdinalBits;
  std::size_t ordinal = position & ((std::uint64_t{1} << kOrdinalBits) - 1);
  for (; number < (*all)->leaves.size(); ++number, ordinal = 0) {
    const auto leaf = reader_.leaf((*all)->leaves[number]);
    if (!leaf && is_outage(leaf.error())) return trouble(path_of(folder.id), leaf.error());
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
      const auto named = name(folder, *entry, encoded);
      const auto status =
          named ? status_of_entry(*entry, named->id, named->links) : fail(named.error());
      if (!status) return trouble(joined(path_of(folder.id), entry->name), status.error());
      const bool is_last = ordinal + 1 == (*leaf)->entries.size();
      const std::uint64_t next = is_last ? (std::uint64_t{number} + 1) << kOrdinalBits
                                         : (std::uint64_t{number} << kOrdinalBits) + ordinal + 1;
      // Referred to first: another thread may ask for it as soon as it is told.
      refer(*named, folder, *entry, {(*leaf)->number, static_cast<std::uint32_t>(ordinal)});
      if (!each(entry->name, *status, next | passed_over)) {
        forget(named->id, 1);
        return {};
      }
      is_end = false;
    }
  }
  if (is_end && passed_over != 0) return fail(ErrorCode::io, "some of its names cannot be read");
  return {};
}

Result<void> MountTree::list_history(const std::string& path, const View& view,
                                     std::uint64_t position, const EachName& each) {
  const auto history = view.histories->at(path);
  if (!history) return trouble(path, history.error());
  const auto names = view.histories->names_in(path);
  if (!names) return trouble(path, names.error());
  const auto& versions = (*history)->versions;
  const auto& folders = (*names)->names;
  for (std::size_t i = position; i < versions.size() + folders.size(); ++i) {
    const bool is_version = i < versions.size();
    const std::string& name = is_version ? versions[i].name : folders[i - versions.size()];
    if (name.size() > kNameBytes) continue;
    const NodeStatus node =
        is_version ? TRY(take_version(versions[i])) : take_history(joined(path, name), view);
    if (!each(name, node, i + 1)) {
      forget(node.id, 1);
      return {};
    }
  }
  const auto& missed = (*history)->missed ? (*history)->missed : (*names)->missed;
  if (missed) return trouble(path, *missed);
  return {};
}

}  // namespace lagan
