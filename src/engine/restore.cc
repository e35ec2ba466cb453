// SPDX-License-Identifier: Apache-2.0
#include "src/engine/restore.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <thread>
#include <unordered_map>

#include "repo/chunk_reader.h"
#include "repo/limits.h"
#include "repo/tree.h"
#include "src/engine/content_fetcher.h"
#include "src/engine/tree_path.h"

namespace lagan {
namespace {

// Open files wait for their content; more than this and the window is sent on.
constexpr std::size_t kOpenFiles = 512;

void allow_many_open_files() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// A folder below `root`, by a path that must not leave it nor lead over a symlink. The kernel takes
// less than PATH_MAX at once, trees may be deeper.
Result<File> open_beneath(int root, std::string_view path) {
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  File folder;
  do {
    const std::size_t slash =
        path.size() < PATH_MAX ? std::string_view::npos : path.rfind('/', PATH_MAX - 1);
    const std::string piece(path.empty() ? "." : path.substr(0, slash));
    path.remove_prefix(std::min(path.size(), piece.size() + 1));
    const int above = folder.is_open() ? folder.descriptor() : root;
    const long descriptor = ::syscall(SYS_openat2, above, piece.c_str(), &how, sizeof how);
    if (descriptor < 0) return fail(system_error("open folder", errno));
    folder = File(static_cast<int>(descriptor));
  } while (!path.empty());
  return folder;
}

// The folder `name` in `parent`, made if need be. Whatever else has that name goes.
Result<File> make_folder(int parent, const std::string& name, bool& is_new) {
  for (int attempt = 0;; ++attempt) {
    is_new = ::mkdirat(parent, name.c_str(), 0700) == 0;
    if (!is_new && errno != EEXIST) return fail(system_error("create folder", errno));
    const int descriptor =
        ::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (descriptor >= 0) return File(descriptor);
    const bool is_other = errno == ENOTDIR || errno == ELOOP;
    if (!is_other || attempt == 1) return fail(system_error("open folder", errno));
    if (::unlinkat(parent, name.c_str(), 0) != 0)
      return fail(system_error("replace by a folder", errno));
  }
}

Result<void> clear_the_way(int folder, const std::string& name) {
  if (::unlinkat(folder, name.c_str(), 0) == 0 || errno == ENOENT) return {};
  if (errno == EISDIR && ::unlinkat(folder, name.c_str(), AT_REMOVEDIR) == 0) return {};
  return fail(system_error("replace what is in the way", errno));
}

Result<File> create_file(int folder, const std::string& name) {
  constexpr int kFlags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  int descriptor = ::openat(folder, name.c_str(), kFlags, 0600);
  if (descriptor < 0 && errno == EEXIST) {
    TRY(clear_the_way(folder, name));
    descriptor = ::openat(folder, name.c_str(), kFlags, 0600);
  }
  if (descriptor < 0) return fail(system_error("create", errno));
  return File(descriptor);
}

class Restore {
 public:
  Restore(const Repository& repository, const LocalIndex& index, const RestoreOptions& options,
          Observer& observer)
      : options_(options),
        observer_(observer),
        reader_(repository, index),
        source_(reader_.source()),
        fetcher_(repository, index, thread_count(options), observer) {
    reader_.follow_moves();
    attributes_.owner_by_name = options.owner_by_name;
    attributes_.load_value = [this](const Xattr& attribute) { return load_value(attribute); };
    report_ = [this](const std::string& path, const Error& error) { trouble(path, error); };
  }

  Result<RestoreResult> run(const Snapshot& snapshot);

 private:
  // A folder on the way down: made on disk only once something in it is wanted.
  struct Level {
    Level* parent = nullptr;
    Entry entry;
    std::string path;  // in the snapshot, below the restored root
    File folder;
    std::string last_name;  // of its entries so far
    bool is_wanted = true;  // false: it only leads to what is
  };
  static std::size_t thread_count(const RestoreOptions& options) {
    return options.threads != 0
               ? options.threads
               : std::clamp<std::size_t>(std::thread::hardware_concurrency(), 2, 8);
  }
  void trouble(const std::string& path, const Error& error) {
    ++observer_.progress.errors;
    observer_.trouble(path, error);
  }
  enum class Choice { yes, no, only_below };
  Choice choose(const std::string& path, bool is_folder) const;
  Result<void> restore_folder(Level& level);
  Result<void> restore_entry(Level& parent, std::string_view message);
  Result<int> descriptor_of(Level& level);
  Result<void> restore_file(Level& parent, const Entry& entry, const std::string& path);
  Result<void> restore_content(const std::shared_ptr<RestoredFile>& file);
  Result<void> restore_special(Level& parent, const Entry& entry, const std::string& path);
  Result<bool> link_to_first(Level& parent, const Entry& entry, const std::string& path);
  Result<std::string> load_value(const Xattr& attribute);
  void finish_folders();

  const RestoreOptions& options_;
  Observer& observer_;
  ChunkReader reader_;
  ChunkSource source_;
  AttributeOptions attributes_;
  RestoredFile::Report report_;
  ContentFetcher fetcher_;
  File target_;
  std::size_t open_files_ = 0;
  std::size_t depth_ = 0;
  struct FirstLink {
    std::string path;
    std::string content;  // encoded
    std::shared_ptr<OtherNames> others = std::make_shared<OtherNames>();
  };
  std::unordered_map<std::uint64_t, FirstLink> first_links_;
  struct MadeFolder {
    std::string path;
    Entry entry;
  };
  std::vector<MadeFolder> made_folders_;
  RestoreResult result_;
};

Result<RestoreResult> Restore::run(const Snapshot& snapshot) {
  allow_many_open_files();
  Subtree root = snapshot.root;
  std::optional<Entry> single;
  std::optional<Entry> top;
  if (!options_.path_in_snapshot.empty()) {
    Entry found = TRY(entry_at(source_, snapshot, options_.path_in_snapshot));
    if (found.kind == EntryKind::directory) {
      root = found.subtree;
      top = std::move(found);
    } else {
      single = std::move(found);
    }
  }
  observer_.progress.files_total = single ? 1 : root.files;
  observer_.progress.bytes_total = single ? single->size : root.content_bytes;
  Level level;
  if (!options_.dry_run) {
    TRY(make_directories(options_.target));
    level.folder = TRY(open_file(options_.target, O_RDONLY | O_DIRECTORY));
    target_ = File(::dup(level.folder.descriptor()));
  }
  if (single) {
    TRY(restore_entry(level, encode(*single)));
  } else if (root.id) {
    const auto each = [&](std::string_view message) { return restore_entry(level, message); };
    if (auto walked = for_each_entry(source_, *root.id, each); !walked) {
      if (walked.error().code == ErrorCode::cancelled) return fail(std::move(walked).error());
      trouble("/", walked.error());
    }
  }
  fetcher_.finish();
  finish_folders();
  if (top && !options_.dry_run) {
    if (auto done = apply_attributes(target_.descriptor(), *top, attributes_); !done)
      trouble(options_.target, done.error());
  }
  result_.bytes = observer_.progress.bytes_done;
  result_.errors = observer_.progress.errors;
  return result_;
}

Restore::Choice Restore::choose(const std::string& path, bool is_folder) const {
  if (!options_.excludes.empty()) {
    bool excluded = false;
    for (const PathPattern& pattern : options_.excludes) {
      if (excluded == pattern.is_negated() && pattern.matches(path))
        excluded = !pattern.is_negated();
    }
    return excluded ? Choice::no : Choice::yes;
  }
  if (options_.includes.empty()) return Choice::yes;
  bool included = false;
  for (const PathPattern& pattern : options_.includes) {
    if (included == pattern.is_negated() && pattern.matches(path)) included = !pattern.is_negated();
  }
  if (included) return Choice::yes;
  const auto reaches_below = [&](const PathPattern& pattern) {
    return !pattern.is_negated() && pattern.may_match_below(path);
  };
  return is_folder && std::ranges::any_of(options_.includes, reaches_below) ? Choice::only_below
                                                                            : Choice::no;
}

Result<void> Restore::restore_entry(Level& parent, std::string_view message) {
  if (options_.is_stopped()) return fail(ErrorCode::cancelled, "interrupted");
  auto decoded = decode_entry(as_bytes(message));
  if (!decoded) {
    trouble(parent.path.empty() ? "/" : parent.path, decoded.error());
    return {};
  }
  Entry& entry = *decoded;
  const std::string path = parent.path + "/" + entry.name;
  if (!is_valid_entry_name(entry.name) || !is_known_kind(entry)) {
    trouble(
        path,
        Error{ErrorCode::corrupt, "has a name or kind that cannot be restored", Retry::never, {}});
    return {};
  }
  const bool is_folder = entry.kind == EntryKind::directory;
  if (entry.name == parent.last_name) {
    trouble(path, Error{ErrorCode::corrupt, "is in its folder twice", Retry::never, {}});
    return {};
  }
  parent.last_name = entry.name;
  const Choice choice = choose(path, is_folder);
  if (choice == Choice::no) return {};
  if (is_folder) {
    Level level{&parent, std::move(entry), path, File(), {}, choice == Choice::yes};
    if (choice == Choice::yes && !options_.dry_run) {
      if (auto made = descriptor_of(level); !made) {
        trouble(path, made.error());
        return {};
      }
    }
    if (choice == Choice::yes) ++result_.folders;
    return restore_folder(level);
  }
  auto done = entry.kind == EntryKind::file ? restore_file(parent, entry, path)
                                            : restore_special(parent, entry, path);
  if (!done) trouble(path, done.error());
  ++observer_.progress.files_done;
  return {};
}

Result<void> Restore::restore_folder(Level& level) {
  if (!level.entry.subtree.id) return {};
  if (depth_ >= limits::kPathDepth) {
    trouble(level.path, Error{ErrorCode::corrupt, "folders nest too deep", Retry::never, {}});
    return {};
  }
  ++depth_;
  const auto each = [&](std::string_view message) { return restore_entry(level, message); };
  auto walked = for_each_entry(source_, *level.entry.subtree.id, each);
  --depth_;
  if (!walked && walked.error().code == ErrorCode::cancelled) return walked;
  if (!walked) trouble(level.path, walked.error());
  return {};
}

Result<int> Restore::descriptor_of(Level& level) {
  if (!level.folder.is_open()) {
    const int parent = TRY(descriptor_of(*level.parent));
    bool is_new = false;
    level.folder = TRY(make_folder(parent, level.entry.name, is_new));
    // What was there and only leads on stays as it is.
    if (is_new || level.is_wanted) made_folders_.push_back({level.path.substr(1), level.entry});
  }
  return level.folder.descriptor();
}

// All that makes two names one file, but for the name.
std::string content_of(const Entry& entry) {
  Entry content;
  content.name = "-";
  content.kind = entry.kind;
  content.size = entry.size;
  content.slices = entry.slices;
  content.list = entry.list;
  content.inline_content = entry.inline_content;
  content.link_target = entry.link_target;
  content.rdev_major = entry.rdev_major;
  content.rdev_minor = entry.rdev_minor;
  return encode(content);
}

// The second and later names of a file are links to the first. Entries that claim one group but
// differ in kind or content are files of their own.
Result<bool> Restore::link_to_first(Level& parent, const Entry& entry, const std::string& path) {
  if (!entry.hardlink) return false;
  const auto [it, is_first] = first_links_.try_emplace(
      *entry.hardlink, FirstLink{.path = path.substr(1), .content = content_of(entry)});
  if (is_first || it->second.content != content_of(entry)) return false;
  const int folder = TRY(descriptor_of(parent));
  const std::string& first_path = it->second.path;
  const std::size_t slash = first_path.rfind('/');
  const std::string above = slash == std::string::npos ? "" : first_path.substr(0, slash);
  const std::string name = slash == std::string::npos ? first_path : first_path.substr(slash + 1);
  const File first = TRY(open_beneath(target_.descriptor(), above));
  TRY(clear_the_way(folder, entry.name));
  // The first name may be missing (it could not be restored): then this one takes its place.
  if (::linkat(first.descriptor(), name.c_str(), folder, entry.name.c_str(), 0) != 0) {
    it->second.path = path.substr(1);
    return false;
  }
  it->second.others->add(path, report_);
  return true;
}

Result<void> Restore::restore_file(Level& parent, const Entry& entry, const std::string& path) {
  ++result_.files;
  if (!options_.dry_run && TRY(link_to_first(parent, entry, path))) return {};
  result_.total_bytes += entry.size;
  if (options_.dry_run) return {};
  const int folder = TRY(descriptor_of(parent));
  // Only the file that later names are linked to speaks for them.
  std::shared_ptr<OtherNames> others;
  if (entry.hardlink && first_links_[*entry.hardlink].path == path.substr(1)) {
    others = first_links_[*entry.hardlink].others;
  }
  const auto file = std::make_shared<RestoredFile>(TRY(create_file(folder, entry.name)), path,
                                                   entry, attributes_, report_, std::move(others));
  if (auto done = restore_content(file); !done) file->damaged(done.error());
  if (entry.state == EntryState::partly_unreadable || entry.state == EntryState::unreadable) {
    file->damaged(Error{ErrorCode::io,
                        "could not be read whole when it was backed up: what is missing is zeros",
                        Retry::never,
                        {}});
  }
  return {};
}

Result<void> Restore::restore_content(const std::shared_ptr<RestoredFile>& file) {
  const Entry& entry = file->entry();
  if (!entry.inline_content.empty()) {
    observer_.progress.bytes_done += entry.inline_content.size();
    return file->write(as_bytes(entry.inline_content), 0);
  }
  if (entry.size == 0) return {};
  // One write of everything needs no room made first.
  const bool is_one_slice = entry.slices.size() == 1 && entry.slices[0].id;
  if (!is_one_slice && ::ftruncate(file->descriptor(), static_cast<off_t>(entry.size)) != 0) {
    return fail(system_error("set size", errno));
  }
  std::uint64_t offset = 0;
  TRY(for_each_slice(source_, entry, [&](const Slice& slice) -> Result<void> {
    if (slice.id) fetcher_.add(file, slice, offset);
    offset += slice.length;
    return {};
  }));
  if (++open_files_ >= kOpenFiles) {
    fetcher_.flush();
    open_files_ = 0;
  }
  return {};
}

Result<void> Restore::restore_special(Level& parent, const Entry& entry, const std::string& path) {
  ++result_.others;
  if (options_.dry_run) return {};
  if (TRY(link_to_first(parent, entry, path))) return {};
  const int folder = TRY(descriptor_of(parent));
  const char* name = entry.name.c_str();
  TRY(clear_the_way(folder, entry.name));
  const dev_t device = makedev(entry.rdev_major, entry.rdev_minor);
  int made = -1;
  switch (entry.kind) {
    case EntryKind::symlink:
      made = ::symlinkat(entry.link_target.c_str(), folder, name);
      break;
    case EntryKind::fifo:
      made = ::mkfifoat(folder, name, 0600);
      break;
    case EntryKind::socket:
      made = ::mknodat(folder, name, S_IFSOCK | 0600, 0);
      break;
    case EntryKind::character_device:
      made = ::mknodat(folder, name, S_IFCHR | 0600, device);
      break;
    case EntryKind::block_device:
      made = ::mknodat(folder, name, S_IFBLK | 0600, device);
      break;
    default:
      return fail(ErrorCode::internal, "not a special file");
  }
  if (made != 0) return fail(system_error("create", errno));
  return apply_link_attributes(folder, entry.name, entry, attributes_);
}

Result<std::string> Restore::load_value(const Xattr& attribute) {
  std::string value;
  for (const Slice& slice : attribute.slices) {
    if (!slice.id) return fail(ErrorCode::corrupt, "an attribute has a hole");
    const Bytes chunk = TRY(reader_.load(*slice.id, ChunkKind::data));
    if (slice.offset > chunk.size() || slice.length > chunk.size() - slice.offset) {
      return fail(ErrorCode::corrupt, "a slice lies beyond its chunk");
    }
    value += as_text(chunk.span().subspan(slice.offset, slice.length));
    if (value.size() > limits::kXattrValueBytes)
      return fail(ErrorCode::corrupt, "attribute is too large");
  }
  return value;
}

// Folders get their attributes when nothing more changes in them, the deepest first.
void Restore::finish_folders() {
  std::ranges::reverse(made_folders_);
  for (const MadeFolder& made : made_folders_) {
    auto folder = open_beneath(target_.descriptor(), made.path);
    auto done = folder ? apply_attributes(folder->descriptor(), made.entry, attributes_)
                       : fail(folder.error());
    if (!done) trouble("/" + made.path, done.error());
  }
}

}  // namespace

Result<RestoreResult> restore(const Repository& repository, const LocalIndex& index,
                              const Snapshot& snapshot, const RestoreOptions& options,
                              Observer& observer) {
  return Restore(repository, index, options, observer).run(snapshot);
}

}  // namespace lagan
