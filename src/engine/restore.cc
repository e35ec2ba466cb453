// SPDX-License-Identifier: Apache-2.0
#include "src/engine/restore.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <unordered_set>

#include "repo/chunk_reader.h"
#include "repo/file_content.h"
#include "repo/limits.h"
#include "repo/tree.h"
#include "src/engine/content_fetcher.h"
#include "src/engine/file_place.h"
#include "src/engine/free_space.h"
#include "src/engine/hard_links.h"
#include "src/engine/read_back.h"
#include "src/engine/reader_threads.h"
#include "src/engine/special_entry.h"
#include "src/engine/target_folder.h"
#include "src/engine/target_level.h"
#include "src/engine/target_probe.h"
#include "src/engine/tree_path.h"

namespace lagan {
namespace {

using Choice = RestoreFilter::Choice;
using Status = std::optional<SourceStatus>;
using Level = TargetLevel;

// How many open files may wait for their content; with more the window is sent on. Windows that
// are on their way have as many, and threads, folders and connections need some too. A block that
// has chunks of several windows is read for each.
std::size_t allow_many_open_files() {
  constexpr std::size_t kFew = 64, kMany = 4096;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return kFew;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return kFew;
  return std::clamp(static_cast<std::size_t>(limit.rlim_cur) / 8, kFew, kMany);
}

Error corrupt(const char* message) { return {ErrorCode::corrupt, message, Retry::never, {}}; }

bool has_same_attributes(const SourceStatus& there, const Entry& entry) {
  return there.mode == entry.mode && there.uid == entry.uid && there.gid == entry.gid &&
         there.mtime == entry.mtime && there.mtime_ns == entry.mtime_ns;
}

UntouchablePlaces own_places(const Repository& repository, const RestoreOptions& options) {
  std::vector<OwnFolder> own = options.own_folders;
  if (!repository.cache_folder().empty())
    own.push_back({repository.cache_folder(), "lagan's cache"});
  return UntouchablePlaces(own);
}

class Restore {
 public:
  Restore(const Repository& repository, const LocalIndex& index, const RestoreOptions& options,
          Observer& observer)
      : options_(options),
        observer_(observer),
        places_(own_places(repository, options)),
        reader_(repository, index),
        source_(reader_.source()),
        placer_(repository, index, source_, options.sparse),
        links_(files_),
        fetcher_(repository, index,
                 options.threads != 0 ? options.threads : reader_threads(repository), observer),
        levels_(target_context(), attributes_) {
    reader_.follow_copies();
    attributes_.owner_by_name = options.owner_by_name;
    attributes_.keeps_owner = options.keeps_owner;
    if (!options.xattrs.is_empty()) {
      attributes_.wants_xattr = [&options](std::string_view name) {
        return options.xattrs.choose("/" + std::string(name), false) == Choice::yes;
      };
    }
    attributes_.load_value = [this](const Xattr& each) { return xattr_value(source_, each); };
    attributes_.fidelity = &fidelity_;
    files_.attributes = attributes_;
    files_.sparse = options.sparse;
    files_.report = [this](const std::string& path, const Error& error) { trouble(path, error); };
    files_.finished = [this](const std::string& path, ItemChange change, std::uint64_t size) {
      item(path, change, size);
    };
    if (options.verify) {
      files_.verify = [this, &repository](int descriptor, const Entry& entry, const auto& differs) {
        return read_back(source_, repository.bundle().keys.id_key, descriptor, entry, differs);
      };
    }
  }

  Result<RestoreResult> run(const Snapshot& snapshot);

 private:
  void trouble(const std::string& path, const Error& error) {
    ++observer_.progress.errors;
    observer_.trouble(path, error);
  }
  void item(const std::string& path, ItemChange change, std::uint64_t size) {
    if (change == ItemChange::unchanged) ++unchanged_;
    if (observer_.wants_items()) observer_.item(path, change, size);
  }

  Result<void> restore_folder(Level& level);
  Result<void> restore_entry(Level& parent, std::string_view message);
  Result<void> restore_below(Level& parent, Entry entry, const std::string& path, Choice choice);
  Result<void> restore_leaf(Level& parent, const Entry& entry, const std::string& path);
  Result<void> clear_folder(Level& parent, const Entry& entry, const std::string& path,
                            Status& there);
  bool may_keep(const SourceStatus& there, const Entry& entry);
  void leave(const Entry& entry, const std::string& path);
  void tell_if_unread(Level& level);

  Result<bool> link(Level& parent, const Entry& entry, const std::string& path,
                    const Status& there);
  Result<void> restore_file(Level& parent, const Entry& entry, const std::string& path,
                            const Status& there);
  Result<RestoredFilePlace> place_of(Level& parent, const Entry& entry, const Status& there);
  Result<void> restore_content(const std::shared_ptr<RestoredFile>& file);
  Result<void> foresee_file(Level& parent, const Entry& entry, const std::string& path,
                            const Status& there);
  Result<void> restore_special(Level& parent, const Entry& entry, const std::string& path,
                               const Status& there);

  TargetLevels::Context target_context();
  Removal removal();

  const RestoreOptions& options_;
  Observer& observer_;
  const UntouchablePlaces places_;
  FidelityReport fidelity_;
  std::atomic<std::uint64_t> unchanged_ = 0;
  ChunkReader reader_;
  ChunkSource source_;
  AttributeOptions attributes_;
  RestoredFileContext files_;
  FilePlacer placer_;
  HardLinks links_;
  ContentFetcher fetcher_;
  TargetLevels levels_;
  const std::size_t open_files_max_ = allow_many_open_files();
  std::size_t open_files_ = 0;
  std::size_t depth_ = 0;
  std::unordered_set<std::uint64_t> kept_inodes_;  // of files with several names
  RestoreResult result_;
};

Result<RestoreResult> Restore::run(const Snapshot& snapshot) {
  const Entry top = TRY(entry_at(source_, snapshot, options_.path_in_snapshot));
  const bool is_single = top.kind != EntryKind::directory;
  observer_.begin(Phase::files);
  observer_.progress.files_total = is_single ? 1 : top.subtree.files;
  observer_.progress.bytes_total = is_single ? top.size : top.subtree.content_bytes;
  Level level;
  const auto target_before = source_status_behind(AT_FDCWD, options_.target.c_str());
  TRY(levels_.open_target(level, options_.target));
  if (!options_.force && !options_.dry_run)
    TRY(check_free_space(levels_.target(), source_, top, options_.filter));
  const Status was = target_before ? Status(*target_before) : std::nullopt;
  // The root of a snapshot has no attributes.
  const bool has_attributes = !is_single && !top.name.empty() && !options_.dry_run &&
                              judge(options_.overwrite, was, top) != Verdict::leave;
  if (has_attributes) make_changeable(levels_.target());
  if (is_single) {
    TRY(restore_entry(level, encode(top)));
  } else {
    level.entry.subtree = top.subtree;
    level.entry.state = top.state;
    tell_if_unread(level);
    TRY(restore_folder(level));
  }
  fetcher_.finish();
  observer_.begin(Phase::folders);
  links_.finish(levels_.target());
  levels_.finish();
  if (has_attributes) {
    const Bearer bearer = level.is_pristine ? Bearer::fresh : Bearer::used;
    auto done = apply_attributes(levels_.target(), top, "/", attributes_, bearer);
    if (!done) trouble(options_.target, done.error());
  }
  if (options_.sync) {
    if (auto synced = levels_.sync(); !synced) trouble(options_.target, synced.error());
  }
  result_.bytes_kept += fetcher_.bytes_kept();
  result_.bytes = observer_.progress.bytes_done - result_.bytes_kept;
  result_.errors = observer_.progress.errors;
  result_.unchanged = unchanged_;
  result_.losses = fidelity_.losses();
  return std::move(result_);
}

Result<void> Restore::restore_folder(Level& level) {
  if (options_.delete_extra && !level.is_pristine) {
    // Before anything is put into it.
    if (auto reached = levels_.reach(level, false); !reached) {
      trouble(level.path, reached.error());
      return {};
    }
    levels_.list_extra(level);
  }
  if (level.entry.subtree.id) {
    if (depth_ >= limits::kPathDepth) {
      trouble(level.path, corrupt("folders nest too deep"));
      return {};
    }
    ++depth_;
    const auto each = [&](std::string_view message) { return restore_entry(level, message); };
    auto walked = for_each_entry(source_, *level.entry.subtree.id, each);
    --depth_;
    if (!walked && walked.error().code == ErrorCode::cancelled) return walked;
    if (!walked) trouble(level.path.empty() ? "/" : level.path, walked.error());
    if (!walked) level.is_complete = false;
  }
  levels_.delete_extra(level);
  return {};
}

TargetLevels::Context Restore::target_context() {
  return {.overwrite = options_.overwrite,
          .dry_run = options_.dry_run,
          .removal = removal(),
          .left = [this](const Level& level) { leave(level.entry, level.path); },
          .item = [this](const std::string& path, ItemChange change) { item(path, change, 0); },
          .note = [this](const std::string& note) { observer_.note(note); },
          .trouble = [this](const std::string& path, const Error& error) { trouble(path, error); }};
}

Removal Restore::removal() {
  return {.filter = options_.filter,
          .places = places_,
          .dry_run = options_.dry_run,
          .removed =
              [this](const std::string& path) {
                ++result_.deleted;
                item(path, ItemChange::removed, 0);
              },
          .trouble = [this](const std::string& path, const Error& error) { trouble(path, error); }};
}

Result<void> Restore::restore_entry(Level& parent, std::string_view message) {
  if (options_.is_stopped()) return fail(ErrorCode::cancelled, "interrupted");
  auto decoded = decode_entry(as_bytes(message));
  if (!decoded) {
    parent.is_complete = false;
    trouble(parent.path.empty() ? "/" : parent.path, decoded.error());
    return {};
  }
  Entry& entry = *decoded;
  const std::string path = parent.path + "/" + entry.name;
  if (!is_valid_entry_name(entry.name) || !is_known_kind(entry)) {
    parent.is_complete = false;
    trouble(path, corrupt("has a name or kind that cannot be restored"));
    return {};
  }
  if (entry.name == parent.last_name) {
    trouble(path, corrupt("is in its folder twice"));
    return {};
  }
  parent.last_name = entry.name;
  if (parent.extras) parent.last_is_listed = parent.extras->expect(entry.name);
  const bool is_folder = entry.kind == EntryKind::directory;
  const Choice choice = options_.filter.choose(path, is_folder);
  if (choice == Choice::no) return {};
  if (is_folder) return restore_below(parent, std::move(entry), path, choice);
  if (auto done = restore_leaf(parent, entry, path); !done) {
    trouble(path, done.error());
    links_.pass_over(entry, path);
  }
  ++observer_.progress.files_done;
  return {};
}

// What the backup did not see in a folder may well be there, now too.
void Restore::tell_if_unread(Level& level) {
  if (level.entry.state == EntryState::as_read) return;
  level.is_complete = false;
  const bool has_some = level.entry.subtree.id.has_value();
  trouble(level.path.empty() ? "/" : level.path,
          Error{ErrorCode::io,
                fmt::format("could not be read {}it was backed up{}",
                            has_some ? "whole when " : "when ",
                            options_.delete_extra ? ": nothing is deleted there" : ""),
                Retry::never,
                {}});
}

Result<void> Restore::restore_below(Level& parent, Entry entry, const std::string& path,
                                    Choice choice) {
  Level level{&parent, std::move(entry), path, choice == Choice::yes};
  tell_if_unread(level);
  if (level.is_wanted) {
    ++result_.folders;
    if (auto reached = levels_.reach(level, !options_.dry_run); !reached) {
      trouble(path, reached.error());
      return {};
    }
    if (level.is_left) return {};
    if (options_.dry_run && !level.folder) item(path, ItemChange::added, 0);
  }
  return restore_folder(level);
}

// Everything but a folder.
Result<void> Restore::restore_leaf(Level& parent, const Entry& entry, const std::string& path) {
  const bool is_file = entry.kind == EntryKind::file;
  ++(is_file ? result_.files : result_.others);
  TRY(levels_.reach(parent, !options_.dry_run));
  if (parent.is_left) {
    leave(entry, path);
    return {};
  }
  Status there = TRY(TargetLevels::occupant(parent, entry.name));
  if (judge(options_.overwrite, there, entry) == Verdict::leave) {
    leave(entry, path);
    return {};
  }
  // A file without its content would be taken for the one that there was.
  if (entry.state == EntryState::unreadable) {
    return fail(ErrorCode::io, there
                                   ? "could not be read when it was backed up: what is there stays"
                                   : "could not be read when it was backed up: it is left out");
  }
  if (there && there->kind == EntryKind::directory) TRY(clear_folder(parent, entry, path, there));
  if (TRY(link(parent, entry, path, there))) return {};
  if (is_file) result_.total_bytes += entry.size;
  if (options_.dry_run) return foresee_file(parent, entry, path, there);
  return is_file ? restore_file(parent, entry, path, there)
                 : restore_special(parent, entry, path, there);
}

// It stays as it is, and no name of the snapshot's file is linked to it.
void Restore::leave(const Entry& entry, const std::string& path) {
  ++result_.left;
  links_.pass_over(entry, path);
  item(path, ItemChange::unchanged, 0);
}

// A folder in the way goes; with what is in it only if that may be deleted.
Result<void> Restore::clear_folder(Level& parent, const Entry& entry, const std::string& path,
                                   Status& there) {
  const int folder = parent.folder->descriptor();
  if (options_.delete_extra) {
    if (!remove_extra(folder, entry.name, path, removal()))
      return fail(ErrorCode::io, "a folder is in the way that holds what is not to be deleted");
  } else if (!options_.dry_run) {
    TRY(remove_name(folder, entry.name));
  }
  there.reset();
  return {};
}

// A file with several names is kept if its names may well be those of the snapshot and nothing
// about it has to change: another of its names could be outside the target.
bool Restore::may_keep(const SourceStatus& there, const Entry& entry) {
  return there.links == 1 || (entry.hardlink && has_same_attributes(there, entry) &&
                              !kept_inodes_.contains(there.inode));
}

// Is it a further name of a file that was restored?
Result<bool> Restore::link(Level& parent, const Entry& entry, const std::string& path,
                           const Status& there) {
  if (!links_.is_further_name(entry, path)) return false;
  if (!options_.dry_run) {
    const int folder = parent.folder->descriptor();
    const bool is_link = TRY(links_.link(levels_.target(), folder, entry, path, there));
    if (is_link && !parent.is_pristine)
      TargetLevels::take(parent, source_status(folder, entry.name.c_str()));
    return is_link;
  }
  item(path, there ? ItemChange::changed : ItemChange::added, 0);
  return true;
}

// ---- Files

Result<RestoredFilePlace> Restore::place_of(Level& parent, const Entry& entry,
                                            const Status& there) {
  const auto& folder = parent.folder;
  if (!there) {
    // A later run that leaves alone what is there, or is newer, must not find a half of it.
    const bool may_be_left =
        options_.overwrite == Overwrite::never || options_.overwrite == Overwrite::if_newer;
    RestoredFilePlace place = TRY(may_be_left ? FilePlacer::instead(folder, entry, there)
                                              : FilePlacer::anew(folder->descriptor(), entry));
    place.change = ItemChange::added;
    if (!parent.is_pristine) place.bearer = Bearer::used;
    return place;
  }
  if (there->kind != EntryKind::file || !may_keep(*there, entry))
    return FilePlacer::instead(folder, entry, there);
  const bool looks_equal = judge(options_.overwrite, there, entry) == Verdict::only_attributes;
  // Written block by block it would be newer than the snapshot's while it is a mixture, and the
  // next run would leave it alone.
  const bool may_be_mixed = options_.overwrite != Overwrite::if_newer;
  if (!looks_equal && there->links == 1 && may_be_mixed)
    return placer_.over_file(folder, entry, *there);
  File file = open_to_look(folder->descriptor(), entry.name);
  const bool is_equal =
      file.is_open() &&
      (looks_equal || placer_.compare(file.descriptor(), there->size, entry, true) == Held::all);
  if (!is_equal) return FilePlacer::instead(folder, entry, there);
  if (there->links > 1) kept_inodes_.insert(there->inode);
  make_changeable(file.descriptor());
  return RestoredFilePlace{.file = std::move(file),
                           .change = ItemChange::unchanged,
                           .bearer = Bearer::used,
                           .old_size = there->size};
}

Result<void> Restore::restore_file(Level& parent, const Entry& entry, const std::string& path,
                                   const Status& there) {
  RestoredFilePlace place = TRY(place_of(parent, entry, there));
  if (!parent.is_pristine) TargetLevels::take(parent, source_status(place.file.descriptor(), ""));
  const bool is_kept = place.change == ItemChange::unchanged && !place.has_old_content;
  // Only the file that later names are linked to speaks for them.
  std::shared_ptr<OtherNames> others = links_.expect_others(entry, path, place);
  const auto file =
      std::make_shared<RestoredFile>(std::move(place), path, entry, files_, std::move(others));
  if (is_kept) {
    observer_.progress.bytes_done += entry.size;
    result_.bytes_kept += entry.size;
    return {};
  }
  if (auto done = restore_content(file); !done) file->failed(done.error());
  if (entry.state == EntryState::partly_unreadable) {
    file->failed(Error{ErrorCode::io,
                       "could not be saved whole when it was backed up: missing content is zeros, "
                       "missing attributes are left out",
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
  TRY(file->make_room());
  std::uint64_t offset = 0;
  auto listed = for_each_slice(source_, entry, [&](const Slice& slice) -> Result<void> {
    if (slice.id) {
      fetcher_.add(file, slice, offset);
    } else if (auto made = file->make_hole(offset, slice.length); !made) {
      return made;
    }
    offset += slice.length;
    return {};
  });
  if (!listed) file->damaged(listed.error(), offset, entry.size - offset);
  if (++open_files_ >= open_files_max_) {
    fetcher_.flush();
    open_files_ = 0;
  }
  return {};
}

// What a dry run says of anything but a folder.
Result<void> Restore::foresee_file(Level& parent, const Entry& entry, const std::string& path,
                                   const Status& there) {
  observer_.progress.bytes_done += entry.size;
  if (!there) {
    item(path, ItemChange::added, entry.size);
    return {};
  }
  bool is_equal = false;
  if (entry.kind == EntryKind::file && there->kind == EntryKind::file) {
    const File file = open_to_look(parent.folder->descriptor(), entry.name);
    is_equal = judge(options_.overwrite, there, entry) == Verdict::only_attributes ||
               (file.is_open() &&
                placer_.compare(file.descriptor(), there->size, entry, true) == Held::all);
  } else if (entry.kind != EntryKind::file) {
    is_equal = is_such(parent.folder->descriptor(), *there, entry);
  }
  if (is_equal) result_.bytes_kept += entry.size;
  item(path, is_equal ? ItemChange::unchanged : ItemChange::changed, entry.size);
  return {};
}

// ---- Everything else

Result<void> Restore::restore_special(Level& parent, const Entry& entry, const std::string& path,
                                      const Status& there) {
  const int folder = parent.folder->descriptor();
  const auto make = [&](const std::string& name) -> Result<void> {
    return make_special(folder, name, entry);
  };
  const Bearer bearer = parent.is_pristine ? Bearer::fresh : Bearer::used;
  ItemChange change = ItemChange::added;
  if (!there) {
    TRY(make(entry.name));
  } else if (is_such(folder, *there, entry) && may_keep(*there, entry)) {
    if (there->links > 1) kept_inodes_.insert(there->inode);
    change = ItemChange::unchanged;
  } else {
    TRY(put_in_place(folder, entry.name, make));
    change = ItemChange::changed;
  }
  item(path, change, 0);
  if (!parent.is_pristine) TargetLevels::take(parent, source_status(folder, entry.name.c_str()));
  return apply_link_attributes(folder, entry.name, entry, path, attributes_, bearer);
}

// ---- Before anything is written

Result<void> check_requirements(const RestoreOptions& options) {
  if (options.required.empty()) return {};
  const std::vector<Trait> missing = TRY(find_unrepresentable(options.target, options.required));
  if (missing.empty()) return {};
  std::string names;
  for (const Trait trait : missing)
    names += (names.empty() ? "" : ", ") + std::string(trait_words(trait));
  return fail(ErrorCode::unsupported,
              fmt::format("{} cannot hold {}, which --require asks for; nothing was restored",
                          options.target, names));
}

// A slip of the hand would delete the whole system, or the repository itself.
Result<void> check_deletion(const Repository& repository, const RestoreOptions& options) {
  if (!options.delete_extra) return {};
  std::error_code error;
  const std::string real = std::filesystem::weakly_canonical(options.target, error).string();
  if (error) return {};
  const UntouchablePlaces places = own_places(repository, options);
  if (const std::string_view own = places.own_place_of(real); !own.empty()) {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("{} lies in {}: nothing is restored there with --delete", options.target, own));
  }
  if (!options.filter.is_empty() || real != "/") return {};
  return fail(ErrorCode::invalid_argument,
              "--delete in / would delete all that is not in the snapshot: say with --include or "
              "--exclude what it is about");
}

}  // namespace

Result<RestoreResult> restore(const Repository& repository, const LocalIndex& index,
                              const Snapshot& snapshot, const RestoreOptions& options,
                              Observer& observer) {
  TRY(check_deletion(repository, options));
  TRY(check_requirements(options));
  return Restore(repository, index, options, observer).run(snapshot);
}

}  // namespace lagan
