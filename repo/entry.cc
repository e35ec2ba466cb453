// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "repo/content.h"
#include "repo/limits.h"
#include "repo/tree.h"
#include "repo/wire.h"

namespace lagan {
namespace {

constexpr std::uint32_t kNanosecondsMax = 999'999'999;

// Some file systems tell nonsense here, and no entry is worth losing for it.
std::uint64_t valid_nanoseconds(std::uint32_t nanoseconds) {
  return std::min(nanoseconds, kNanosecondsMax);
}

void write_xattr(StringWriter& parent, const Xattr& xattr) {
  StringWriter out(parent, 18);
  out.bytes(1, xattr.name);
  out.bytes(2, xattr.value);
  for (const Slice& slice : xattr.slices) write_slice(out, 3, slice);
}

void read_xattr(WireReader& in, Xattr& xattr) {
  while (in.next()) {
    switch (in.field()) {
      case 1:
        xattr.name = in.text();
        break;
      case 2:
        xattr.value = in.text();
        break;
      case 3:
        in.repeated().message(read_slice, xattr.slices.emplace_back());
        break;
      default:
        in.unknown();
    }
  }
  if (in.refused()) return;
  if (!xattr.value.empty() && !xattr.slices.empty()) in.refuse("an xattr has two values");
  if (total_length(xattr.slices).value_or(limits::kFileBytes) > limits::kXattrValueBytes)
    in.refuse("an xattr is too long");
}

void read_entry(WireReader& in, Entry& entry) {
  while (in.next()) {
    switch (in.field()) {
      case 1:
        entry.name = in.text();
        break;
      case 2:
        entry.kind = static_cast<EntryKind>(in.u32());
        break;
      case 3:
        entry.mode = in.u32();
        break;
      case 4:
        entry.uid = in.u64();
        break;
      case 5:
        entry.gid = in.u64();
        break;
      case 6:
        entry.user = in.text();
        break;
      case 7:
        entry.group = in.text();
        break;
      case 8:
        entry.mtime = in.s64();
        break;
      case 9:
        entry.mtime_ns = in.u32();
        break;
      case 10:
        entry.btime = in.s64();
        break;
      case 11:
        entry.size = in.u64();
        break;
      case 12:
        in.repeated().message(read_slice, entry.slices.emplace_back());
        break;
      case 13:
        entry.list = in.id<ChunkId>();
        break;
      case 14:
        in.message(read_subtree, entry.subtree);
        break;
      case 15:
        entry.link_target = in.text();
        break;
      case 16:
        entry.rdev_major = in.u32();
        break;
      case 17:
        entry.hardlink = in.fixed64();
        break;
      case 18:
        in.repeated().message(read_xattr, entry.xattrs.emplace_back());
        break;
      case 20:
        entry.flags = in.u64();
        break;
      case 21:
        entry.btime_ns = in.u32();
        break;
      case 22:
        entry.project = in.u32();
        break;
      case 24:
        entry.inline_content = in.text();
        break;
      case 25:
        entry.rdev_minor = in.u32();
        break;
      case 30:
        entry.state = static_cast<EntryState>(in.u32());
        break;
      case 31:
        entry.atime = in.s64();
        break;
      case 32:
        entry.atime_ns = in.u32();
        break;
      default:
        in.unknown();
        entry.unknown.append(in.raw());
    }
    if (entry.xattrs.size() > limits::kXattrsPerEntry) in.refuse("too many xattrs");
  }
}

const char* trouble_with(const Entry& entry) {
  if (!is_valid_entry_name(entry.name)) return "a forbidden name";
  if (entry.size > limits::kFileBytes) return "larger than a file can be";
  if (entry.link_target.size() > limits::kLinkTargetBytes) return "the link target is too long";
  if (std::max({entry.mtime_ns, entry.btime_ns, entry.atime_ns}) > kNanosecondsMax)
    return "a second has more than 1,000,000,000 nanoseconds";
  return nullptr;
}

std::size_t size_hint(const Entry& entry) {
  std::size_t size = 96 + entry.name.size() + entry.user.size() + entry.group.size() +
                     entry.inline_content.size() + entry.link_target.size() +
                     entry.slices.size() * 64 + (entry.list || entry.subtree.id ? 72 : 0);
  for (const Xattr& xattr : entry.xattrs)
    size += 32 + xattr.name.size() + xattr.value.size() + xattr.slices.size() * 64;
  return size;
}

Result<void> check_size(ByteSpan message) {
  if (message.size() <= limits::kEntryBytes) return {};
  return fail(ErrorCode::corrupt, "entry: too long");
}

// An encoded xattr with other slices.
std::string with_slices(std::string_view xattr, const std::vector<Slice>& slices) {
  std::string changed, others;
  StringWriter out(changed);
  for (const Slice& slice : slices) write_slice(out, 3, slice);
  WireReader in(xattr);
  while (in.next()) {
    if (in.field() != 3) others.append(in.raw());
  }
  return merge_fields(changed, others);
}

// The chunk id in a slice or subtree, which have it as their field 1.
template <typename Message>
std::optional<ChunkId> id_in(WireReader& in, void (*read)(WireReader&, Message&)) {
  Message message;
  in.message(read, message);
  return in.refused() ? std::nullopt : message.id;
}

}  // namespace

std::string encode(const Entry& entry) {
  std::string message;
  message.reserve(size_hint(entry));
  StringWriter out(message);
  out.bytes(1, entry.name);
  out.u64(2, static_cast<std::uint64_t>(entry.kind));
  out.u64(3, entry.mode);
  out.u64(4, entry.uid);
  out.u64(5, entry.gid);
  out.bytes(6, entry.user);
  out.bytes(7, entry.group);
  out.s64(8, entry.mtime);
  out.u64(9, valid_nanoseconds(entry.mtime_ns));
  if (entry.btime) out.present_s64(10, *entry.btime);
  out.u64(11, entry.size);
  for (const Slice& slice : entry.slices) write_slice(out, 12, slice);
  if (entry.list) out.bytes(13, entry.list->span());
  write_subtree(out, 14, entry.subtree);
  out.bytes(15, entry.link_target);
  out.u64(16, entry.rdev_major);
  if (entry.hardlink) out.fixed64(17, *entry.hardlink);
  for (const Xattr& xattr : entry.xattrs) write_xattr(out, xattr);
  out.u64(20, entry.flags);
  out.u64(21, valid_nanoseconds(entry.btime_ns));
  out.u64(22, entry.project);
  out.bytes(24, entry.inline_content);
  out.u64(25, entry.rdev_minor);
  out.u64(30, static_cast<std::uint64_t>(entry.state));
  if (entry.atime) out.present_s64(31, *entry.atime);
  out.u64(32, valid_nanoseconds(entry.atime_ns));
  return entry.unknown.empty() ? message : merge_fields(message, entry.unknown);
}

Result<Entry> decode_entry(ByteSpan message) {
  TRY(check_size(message));
  Entry entry;
  entry.kind = EntryKind{0};
  WireReader in(message);
  read_entry(in, entry);
  if (const char* trouble = trouble_with(entry)) in.refuse(trouble);
  TRY(in.status("entry"));
  return entry;
}

std::string with_references(std::string_view encoded_entry, const Entry& changed) {
  std::string references, others;
  StringWriter out(references);
  for (const Slice& slice : changed.slices) write_slice(out, 12, slice);
  if (changed.list) out.bytes(13, changed.list->span());
  write_subtree(out, 14, changed.subtree);
  auto xattr = changed.xattrs.begin();
  WireReader in(encoded_entry);
  while (in.next()) {
    const bool is_reference = in.field() >= 12 && in.field() <= 14;
    const auto* const slices = in.field() == 18 ? &(xattr++)->slices : nullptr;
    if (slices != nullptr && !slices->empty()) {
      StringWriter(others).element(18, with_slices(in.bytes(), *slices));
    } else if (!is_reference) {
      others.append(in.raw());
    }
  }
  return merge_fields(references, others);
}

bool is_known_kind(const Entry& entry) {
  return entry.kind >= EntryKind::file && entry.kind <= EntryKind::socket;
}

bool is_valid_entry_name(std::string_view name) {
  return !name.empty() && name.size() <= limits::kNameBytes && name != "." && name != ".." &&
         name.find('/') == name.npos && name.find('\0') == name.npos;
}

std::string_view entry_name(std::string_view encoded_entry) {
  WireReader in(encoded_entry);
  while (in.next())
    if (in.field() == 1) return in.bytes();
  return {};
}

Result<void> for_each_reference(
    ByteSpan entry_message, const std::function<Result<void>(const ChunkId&, ChunkKind)>& each) {
  TRY(check_size(entry_message));
  const auto tell = [&](const std::optional<ChunkId>& id, ChunkKind kind) -> Result<void> {
    if (!id) return {};
    return each(*id, kind);
  };
  WireReader in(entry_message);
  while (in.next()) {
    switch (in.field()) {
      case 12:
        TRY(tell(id_in(in, read_slice), ChunkKind::data));
        break;
      case 13: {
        const auto id = in.id<ChunkId>();
        if (!in.refused()) TRY(each(id, ChunkKind::list));
        break;
      }
      case 14:
        TRY(tell(id_in(in, read_subtree), ChunkKind::directory));
        break;
      case 18: {
        Xattr xattr;
        in.message(read_xattr, xattr);
        if (in.refused()) break;
        for (const Slice& slice : xattr.slices) TRY(tell(slice.id, ChunkKind::data));
        break;
      }
      default:
        break;
    }
  }
  return in.status("entry");
}

}  // namespace lagan
