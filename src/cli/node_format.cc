// SPDX-License-Identifier: Apache-2.0
#include "src/cli/node_format.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "src/engine/fidelity.h"

namespace lagan::cli {
namespace {

constexpr std::uint32_t kSetUser = 04000, kSetGroup = 02000, kSticky = 01000;

char type_letter(EntryKind kind) {
  switch (kind) {
    case EntryKind::directory:
      return 'd';
    case EntryKind::symlink:
      return 'l';
    case EntryKind::character_device:
      return 'c';
    case EntryKind::block_device:
      return 'b';
    case EntryKind::fifo:
      return 'p';
    case EntryKind::socket:
      return 's';
    default:
      return '-';
  }
}

bool is_device(const Entry& entry) {
  return entry.kind == EntryKind::character_device || entry.kind == EntryKind::block_device;
}

// What of it was saved, in the words of restore's --require.
Json captured(const Entry& entry) {
  std::set<Trait> traits{Trait::owner, Trait::times};
  if (entry.btime) traits.insert(Trait::btime);
  for (const Xattr& attribute : entry.xattrs) traits.insert(trait_of_xattr(attribute.name));
  if (entry.flags != 0) traits.insert(Trait::flags);
  if (entry.project != 0) traits.insert(Trait::project);
  if (entry.hardlink) traits.insert(Trait::hardlink);
  if (std::ranges::any_of(entry.slices, [](const Slice& slice) { return !slice.id; }))
    traits.insert(Trait::holes);
  Json words = Json::array();
  for (const Trait trait : traits) words.push_back(trait_name(trait));
  return words;
}

std::string times_text(const Entry& entry, bool with_birth) {
  std::string text = format_entry_time(entry.mtime);
  if (!with_birth) return text;
  const std::string born = entry.btime ? format_entry_time(*entry.btime) : "-";
  return fmt::format("{} {:{}}", text, born, text.size());
}

}  // namespace

const char* type_name(EntryKind kind) {
  switch (kind) {
    case EntryKind::file:
      return "file";
    case EntryKind::directory:
      return "dir";
    case EntryKind::symlink:
      return "symlink";
    case EntryKind::character_device:
      return "chardev";
    case EntryKind::block_device:
      return "dev";
    case EntryKind::fifo:
      return "fifo";
    case EntryKind::socket:
      return "socket";
  }
  return "unknown";
}

std::string permissions_text(const Entry& entry) {
  std::string text(1, type_letter(entry.kind));
  for (std::uint32_t bit = 0400, i = 0; bit != 0; bit >>= 1, ++i)
    text.push_back((entry.mode & bit) != 0 ? "rwx"[i % 3] : '-');
  const auto mark = [&](std::uint32_t bit, std::size_t at, char letter) {
    if ((entry.mode & bit) == 0) return;
    text[at] = text[at] == 'x' ? letter : static_cast<char>(letter - 'a' + 'A');
  };
  mark(kSetUser, 3, 's');
  mark(kSetGroup, 6, 's');
  mark(kSticky, 9, 't');
  return text;
}

// https://pkg.go.dev/io/fs#FileMode
std::uint32_t mode_number(const Entry& entry) {
  std::uint32_t mode = entry.mode & 0777;
  if ((entry.mode & kSetUser) != 0) mode |= 1U << 23;
  if ((entry.mode & kSetGroup) != 0) mode |= 1U << 22;
  if ((entry.mode & kSticky) != 0) mode |= 1U << 20;
  switch (entry.kind) {
    case EntryKind::directory:
      return mode | 1U << 31;
    case EntryKind::symlink:
      return mode | 1U << 27;
    case EntryKind::block_device:
      return mode | 1U << 26;
    case EntryKind::character_device:
      return mode | 1U << 26 | 1U << 21;
    case EntryKind::fifo:
      return mode | 1U << 25;
    case EntryKind::socket:
      return mode | 1U << 24;
    default:
      return mode;
  }
}

Json node_json(const std::string& path, const Entry& entry) {
  Json node{{"type", type_name(entry.kind)}};
  if (!path.empty()) put_text(node, "path", path);
  node["uid"] = entry.uid;
  node["gid"] = entry.gid;
  put_text(node, "user", entry.user);
  put_text(node, "group", entry.group);
  if (entry.kind == EntryKind::file) node["size"] = entry.size;
  node["mode"] = mode_number(entry);
  node["permissions"] = permissions_text(entry);
  node["mtime"] = format_entry_time_rfc3339(entry.mtime, entry.mtime_ns);
  if (entry.atime) node["atime"] = format_entry_time_rfc3339(*entry.atime, entry.atime_ns);
  if (entry.btime) node["btime"] = format_entry_time_rfc3339(*entry.btime, entry.btime_ns);
  if (!entry.link_target.empty()) put_text(node, "linktarget", entry.link_target);
  if (is_device(entry)) node["device"] = fmt::format("{}:{}", entry.rdev_major, entry.rdev_minor);
  if (entry.hardlink) node["hardlink"] = fmt::format("{:016x}", *entry.hardlink);
  if (entry.flags != 0) node["flags"] = entry.flags;
  if (entry.project != 0) node["project"] = entry.project;
  Json attributes = Json::array();
  for (const Xattr& attribute : entry.xattrs) {
    Json name = Json::object();
    put_text(name, "name", attribute.name);
    attributes.push_back(std::move(name));
  }
  if (!attributes.empty()) node["xattrs"] = std::move(attributes);
  node["captured"] = captured(entry);
  return node;
}

std::string entry_line(const std::string& path, const Entry& entry, LineStyle style) {
  if (!style.is_long) return printable(path);
  const std::string size =
      style.human_readable ? format_bytes(entry.size) : std::to_string(entry.size);
  std::string line =
      fmt::format("{} {:5} {:5} {:>{}} {} {}", permissions_text(entry), entry.uid, entry.gid, size,
                  style.human_readable ? 11 : 6, times_text(entry, style.birth), printable(path));
  if (!entry.link_target.empty()) line += " -> " + printable(entry.link_target);
  return line;
}

std::string printable(const std::string& text) {
  static const bool on_terminal = ::isatty(STDOUT_FILENO) == 1;
  if (!on_terminal) return text;
  std::string shown = text;
  std::ranges::replace_if(
      shown, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return shown;
}

}  // namespace lagan::cli
