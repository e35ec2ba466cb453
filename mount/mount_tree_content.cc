// SPDX-License-Identifier: Apache-2.0
// What the nodes of a mount tree hold: bytes, targets of links, attributes.
#include <fmt/format.h>

#include <cstring>

#include "mount/mount_tree.h"
#include "repo/file_content.h"

namespace lagan {
namespace {

constexpr const char* kOwnXattrs = "user.lagan.";

}  // namespace

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
  if (auto known = readers_.find(id)) return known;
  const EntryPlace place = TRY(place_of(id));
  Entry entry = TRY(entry_at(place));
  if (entry.kind != EntryKind::file) return fail(ErrorCode::invalid_argument, "not a file");
  auto opened = readers_.open(id, place, std::move(entry));
  if (!opened) return trouble(path_of(id), opened.error());
  return opened;
}

Result<Pieces> MountTree::read(NodeId id, std::uint64_t offset, std::uint64_t size) {
  if (ReportFolder::is_file(id)) {
    const auto text = std::make_shared<const std::string>(reports_.content(id).text);
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
  if (ReportFolder::is_file(id)) {
    const std::uint64_t size = reports_.content(id).text.size();
    if (offset >= size) return std::nullopt;
    return kind == ContentMap::Kind::data ? offset : size;
  }
  const auto reader = TRY(reader_of(id));
  if (offset >= reader->map().size()) return std::nullopt;
  auto found = reader->map().seek(offset, kind);
  if (!found) return trouble(path_of(id), found.error());
  return found;
}

std::vector<std::string> MountTree::own_xattr_names() const {
  std::vector<std::string> names;
  if (!options_.own_xattrs) return names;
  for (const char* name : {"snapshot", "time", "host", "path", "content"})
    names.push_back(std::string(kOwnXattrs) + name);
  return names;
}

Result<std::optional<std::string>> MountTree::own_xattr(NodeId id, const std::string& name) {
  const std::string which = name.substr(std::strlen(kOwnXattrs));
  std::optional<SnapshotFolder> folder = folder_of(id);
  if (!folder) folder = folder_of(parent(id));
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
  if (nodes_.find(id)) {
    for (const Xattr& attribute : TRY(entry_of(id)).xattrs) names.push_back(attribute.name);
  } else if (!folder_of(id)) {
    return names;
  }
  for (std::string& name : own_xattr_names()) names.push_back(std::move(name));
  return names;
}

Result<std::optional<std::string>> MountTree::xattr(NodeId id, const std::string& name) {
  if (options_.own_xattrs && name.starts_with(kOwnXattrs)) return own_xattr(id, name);
  const auto node = nodes_.find(id);
  if (!node) return std::nullopt;
  const Entry entry = TRY(entry_at(node->place));
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
  const auto node = nodes_.find(id);
  if (!node) return false;
  const auto leaf = reader_.leaf(node->place.leaf);
  return !leaf || (*leaf)->has_acls;
}

Result<MountTree::InodeFlags> MountTree::inode_flags(NodeId id) {
  const auto node = nodes_.find(id);
  if (!node) return InodeFlags{};
  const Entry entry = TRY(entry_at(node->place));
  return InodeFlags{entry.flags, entry.project};
}

}  // namespace lagan
