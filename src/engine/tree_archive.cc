// SPDX-License-Identifier: Apache-2.0
#include "src/engine/tree_archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <sys/sysmacros.h>

#include <array>
#include <memory>
#include <unordered_map>

#include "repo/file_content.h"
#include "repo/file_type.h"
#include "src/engine/tree_path.h"
#include "util/file.h"

namespace lagan {
namespace {

// libarchive hands on what it wrote in pieces of this size.
constexpr int kPieceBytes = 256 * 1024;

struct FreeArchive {
  void operator()(archive* writer) const { ::archive_write_free(writer); }
};
struct FreeEntry {
  void operator()(archive_entry* entry) const { ::archive_entry_free(entry); }
};
using ArchivePointer = std::unique_ptr<archive, FreeArchive>;
using EntryPointer = std::unique_ptr<archive_entry, FreeEntry>;

// libarchive converts names from the locale to UTF-8. For this thread that is made the same, so
// that names stay what they are; those that are not UTF-8 go through as bytes.
class Utf8Locale {
 public:
  Utf8Locale() : locale_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (locale_ != nullptr) before_ = ::uselocale(locale_);
  }
  ~Utf8Locale() {
    if (locale_ == nullptr) return;
    ::uselocale(before_);
    ::freelocale(locale_);
  }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;

 private:
  const locale_t locale_;
  locale_t before_ = nullptr;
};

class TreeArchive {
 public:
  TreeArchive(const ChunkSource& source, int descriptor, const ArchiveOptions& options)
      : source_(source), descriptor_(descriptor), options_(options) {}

  Result<void> write(const Entry& top, const std::string& path) {
    TRY(open());
    // The root of a snapshot has no attributes to keep.
    if (!top.name.empty()) TRY(write_entry(path, top));
    if (top.kind == EntryKind::directory) {
      const TreeVisitor visitor{
          .each = [this](const std::string& below, const Entry& entry) -> Result<bool> {
            if (options_.is_stopped()) return fail(ErrorCode::cancelled, "interrupted");
            TRY(write_entry(below, entry));
            return true;
          },
          .trouble = options_.trouble};
      TRY(visit_tree(source_, top.subtree, path, visitor));
    }
    return check(::archive_write_close(writer_.get()));
  }

 private:
  Result<void> open();
  Result<void> write_entry(const std::string& path, const Entry& entry);
  Result<void> write_content(const std::string& path, const Entry& file);
  Result<void> write_data(ByteSpan bytes);
  EntryPointer header_of(const std::string& path, const Entry& entry);
  void add_xattrs(const std::string& path, const Entry& entry, archive_entry* header);
  // The name in the archive of the file that this is another name of; empty for the first.
  std::string first_name(const std::string& path, const Entry& entry);
  bool can_hold(const Entry& entry) const;
  Result<void> check(la_ssize_t returned);
  static la_ssize_t take_bytes(archive* writer, void* self, const void* bytes, std::size_t size);

  const Utf8Locale locale_;
  const ChunkSource& source_;
  const int descriptor_;
  const ArchiveOptions& options_;
  std::optional<Error> write_error_;
  std::unordered_map<std::uint64_t, std::string> first_names_;
  ArchivePointer writer_;  // freed before what it calls back to
};

std::string name_in_archive(const std::string& path) { return path.substr(1); }

Result<void> TreeArchive::open() {
  writer_.reset(::archive_write_new());
  if (writer_ == nullptr) return fail(ErrorCode::internal, "no memory for the archive");
  archive* const writer = writer_.get();
  if (options_.format == ArchiveFormat::zip) {
    TRY(check(::archive_write_set_format_zip(writer)));
  } else {
    TRY(check(::archive_write_set_format_pax(writer)));
    // Attributes once, in the form that GNU tar knows.
    TRY(check(::archive_write_set_options(writer, "xattrheader=SCHILY")));
    if (options_.format == ArchiveFormat::tar_zst)
      TRY(check(::archive_write_add_filter_zstd(writer)));
  }
  TRY(check(::archive_write_set_bytes_per_block(writer, kPieceBytes)));
  TRY(check(::archive_write_set_bytes_in_last_block(writer, 1)));
  return check(::archive_write_open2(writer, this, nullptr, take_bytes, nullptr, nullptr));
}

la_ssize_t TreeArchive::take_bytes(archive* writer, void* self, const void* bytes,
                                   std::size_t size) {
  auto& archive = *static_cast<TreeArchive*>(self);
  auto written = write_all(archive.descriptor_, {static_cast<const std::byte*>(bytes), size});
  if (written) return static_cast<la_ssize_t>(size);
  archive.write_error_ = std::move(written).error();
  ::archive_set_error(writer, EIO, "write failed");
  return -1;
}

Result<void> TreeArchive::check(la_ssize_t returned) {
  if (write_error_) return fail(*write_error_);
  // Warnings are about names that are not UTF-8, which are kept as they are.
  if (returned >= ARCHIVE_WARN) return {};
  const char* message = ::archive_error_string(writer_.get());
  return fail(ErrorCode::io, message != nullptr ? message : "the archive cannot be written");
}

bool TreeArchive::can_hold(const Entry& entry) const {
  if (!is_known_kind(entry) || entry.kind == EntryKind::socket) return false;
  return options_.format != ArchiveFormat::zip || entry.kind == EntryKind::file ||
         entry.kind == EntryKind::directory || entry.kind == EntryKind::symlink;
}

Result<void> TreeArchive::write_entry(const std::string& path, const Entry& entry) {
  if (!can_hold(entry)) {
    options_.left_out(path);
    return {};
  }
  if (entry.kind == EntryKind::file && entry.state == EntryState::unreadable) {
    options_.trouble(path, Error{ErrorCode::not_found,
                                 "left out: it could not be read when it was saved",
                                 Retry::never,
                                 {}});
    return {};
  }
  const EntryPointer header = header_of(path, entry);
  if (options_.format != ArchiveFormat::zip) {
    if (const std::string first = first_name(path, entry); !first.empty()) {
      ::archive_entry_copy_hardlink(header.get(), first.c_str());
      ::archive_entry_unset_size(header.get());
      return check(::archive_write_header(writer_.get(), header.get()));
    }
    add_xattrs(path, entry, header.get());
  }
  TRY(check(::archive_write_header(writer_.get(), header.get())));
  return entry.kind == EntryKind::file ? write_content(path, entry) : Result<void>();
}

EntryPointer TreeArchive::header_of(const std::string& path, const Entry& entry) {
  EntryPointer header(::archive_entry_new());
  LAGAN_ASSERT(header != nullptr);
  archive_entry* const to = header.get();
  ::archive_entry_copy_pathname(to, name_in_archive(path).c_str());
  ::archive_entry_set_filetype(to, file_type(entry.kind));
  ::archive_entry_set_perm(to, static_cast<mode_t>(entry.mode & 07777));
  ::archive_entry_set_uid(to, static_cast<la_int64_t>(entry.uid));
  ::archive_entry_set_gid(to, static_cast<la_int64_t>(entry.gid));
  ::archive_entry_copy_uname(to, entry.user.c_str());
  ::archive_entry_copy_gname(to, entry.group.c_str());
  ::archive_entry_set_mtime(to, entry.mtime, static_cast<long>(entry.mtime_ns));
  if (entry.atime) ::archive_entry_set_atime(to, *entry.atime, static_cast<long>(entry.atime_ns));
  ::archive_entry_set_size(to,
                           entry.kind == EntryKind::file ? static_cast<la_int64_t>(entry.size) : 0);
  if (entry.kind == EntryKind::symlink) {
    ::archive_entry_copy_symlink(to, entry.link_target.c_str());
  } else if (entry.kind == EntryKind::block_device || entry.kind == EntryKind::character_device) {
    ::archive_entry_set_rdev(to, makedev(entry.rdev_major, entry.rdev_minor));
  }
  return header;
}

void TreeArchive::add_xattrs(const std::string& path, const Entry& entry, archive_entry* header) {
  for (const Xattr& attribute : entry.xattrs) {
    const auto value = xattr_value(source_, attribute);
    if (!value) {
      options_.trouble(path, Error(value.error()).in("attribute " + attribute.name));
      continue;
    }
    ::archive_entry_xattr_add_entry(header, attribute.name.c_str(), value->data(), value->size());
  }
}

std::string TreeArchive::first_name(const std::string& path, const Entry& entry) {
  if (!entry.hardlink || entry.kind == EntryKind::directory) return {};
  const auto [it, is_first] = first_names_.try_emplace(*entry.hardlink, name_in_archive(path));
  return is_first ? std::string() : it->second;
}

// The header has promised a size: what cannot be read becomes zeros.
Result<void> TreeArchive::write_content(const std::string& path, const Entry& file) {
  static constexpr std::array<std::byte, 65'536> kZeros{};
  std::uint64_t left = file.size;
  std::optional<Error> stopped;  // by the archive or the user, not by the file
  auto content = read_content(source_, file, [&](ByteSpan piece) -> Result<void> {
    left -= piece.size();
    auto written =
        options_.is_stopped() ? fail(ErrorCode::cancelled, "interrupted") : write_data(piece);
    if (!written) stopped = written.error();
    return written;
  });
  if (stopped) return fail(*std::move(stopped));
  if (!content) options_.trouble(path, content.error());
  while (left > 0) {
    const std::uint64_t piece = std::min<std::uint64_t>(left, kZeros.size());
    TRY(write_data(ByteSpan(kZeros).first(piece)));
    left -= piece;
  }
  return {};
}

Result<void> TreeArchive::write_data(ByteSpan bytes) {
  while (!bytes.empty()) {
    const la_ssize_t written = ::archive_write_data(writer_.get(), bytes.data(), bytes.size());
    TRY(check(written));
    if (written <= 0) return fail(ErrorCode::internal, "the archive takes less than was promised");
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace

Result<void> write_archive(const ChunkSource& source, const Entry& top, const std::string& path,
                           int descriptor, const ArchiveOptions& options) {
  return TreeArchive(source, descriptor, options).write(top, path);
}

}  // namespace lagan
