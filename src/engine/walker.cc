// SPDX-License-Identifier: Apache-2.0
#include "src/engine/walker.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "repo/derived_keys.h"
#include "repo/limits.h"
#include "src/engine/fitting_xattrs.h"
#include "src/engine/source_folder.h"
#include "src/engine/untouchable_places.h"

namespace lagan {

// The targets as a tree of path components.
struct Walker::Target {
  std::map<std::string, Target> children;
  bool is_named = false;  // saved whatever it and the folders above it are called
  std::string source;     // see WalkTarget
};

// Where an entry lies: a name in an open folder, or a path.
struct Walker::Place {
  int folder = AT_FDCWD;
  const char* name = nullptr;
};

// A folder while the walk is in it.
struct Walker::Here {
  FolderPtr task;
  FolderStates known;
  FolderRules rules;
  std::uint64_t device = 0;
  bool only_targets = false;  // it is there for what was named below it

  std::string path_of(std::string_view name) const { return join_path(task->path, name); }
};

Result<std::string> normalise_target(std::string_view path) {
  std::string absolute(path);
  if (path.empty()) return fail(ErrorCode::invalid_argument, "an empty path cannot be backed up");
  if (!path.starts_with('/')) {
    std::string here(limits::kLinkTargetBytes, '\0');
    if (::getcwd(here.data(), here.size()) == nullptr)
      return fail(system_error("find the current folder", errno));
    absolute = std::string(here.c_str()) + "/" + absolute;
  }
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < absolute.size();) {
    const std::size_t end = std::min(absolute.find('/', at), absolute.size());
    const std::string part = absolute.substr(at, end - at);
    at = end + 1;
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else {
      parts.push_back(part);
    }
  }
  std::string out;
  for (const std::string& part : parts) out += "/" + part;
  return out.empty() ? "/" : out;
}

Walker::Walker(WalkContext context) : context_(std::move(context)) {}
Walker::~Walker() = default;

Result<void> Walker::walk(const std::vector<WalkTarget>& targets,
                          std::function<void(FolderTask::Finished)> finished) {
  Target root;
  for (const WalkTarget& target : targets) {
    Target* node = &root;
    for (std::size_t at = 1; at < target.path.size();) {
      const std::size_t end = std::min(target.path.find('/', at), target.path.size());
      node = &node->children[target.path.substr(at, end - at)];
      at = end + 1;
    }
    node->is_named = true;
    node->source = target.source;
    if (target.source.empty()) continue;
    stand_in_ = TRY(source_status(AT_FDCWD, target.source.c_str()));
    if (stand_in_->kind != EntryKind::directory) stand_in_->mode = 0755;
    stand_in_->kind = EntryKind::directory;
  }
  auto task = std::make_shared<FolderTask>(context_.split_key, context_.tree_sink, context_.states,
                                           context_.failure, std::move(finished));
  const std::string top = root.source.empty() ? "/" : root.source;
  task->path = "/";
  task->folder = open_source_folder(AT_FDCWD, top.c_str());
  if (!task->folder.is_open()) return fail(system_error("open " + top, errno));
  const int folder = task->folder.descriptor();
  Here here{std::move(task), {}, {}, TRY(source_status(folder, "")).device, !root.is_named};
  if (context_.known != nullptr) here.known = context_.known->folder(context_.known->root_at());
  const auto names = names_to_visit(here, root, false);
  // The root of a snapshot is no entry that could tell it.
  if (here.task->misses_some())
    return fail(ErrorCode::io, top + " cannot be listed, so a snapshot would not be what is there");
  here.rules = root.is_named ? context_.filter.inside({}, Decision(), folder, "/", names, note())
                             : context_.filter.on_the_way({}, folder, "/", note());
  TRY(fill(here, names, root));
  context_.flush_files();
  return context_.failure.check();
}

Result<void> Walker::fill(Here& here, const std::vector<std::string>& names, const Target& target) {
  for (const std::string& name : names) {
    const auto child = target.children.find(name);
    TRY(visit(here, name, child != target.children.end() ? &child->second : nullptr));
  }
  here.task->close();
  return {};
}

// What of this folder is looked at, in order. Without targets in it that is all of it, unless a
// mark or its nature closes it.
std::vector<std::string> Walker::names_to_visit(Here& here, const Target& target, bool is_quiet) {
  std::vector<std::string> names;
  if (!here.only_targets) {
    const auto listed = list_names(here.task->folder.descriptor(), names);
    if (!listed) here.task->miss_some();
    if (!listed && !is_quiet) trouble(here.task->path, listed.error());
    if (listed && context_.observer.wants_items()) {
      here.known.for_each([&](const KnownEntry& before) {
        if (!std::ranges::binary_search(names, before.name))
          tell_item(here.path_of(before.name), ItemChange::removed);
      });
    }
    const FolderMarker* marker =
        target.is_named ? nullptr
                        : context_.filter.marker_in(here.task->folder.descriptor(), names);
    if (marker != nullptr) {
      // The mark itself stays, so that what is restored has it too.
      names = {marker->name};
      here.only_targets = true;
    }
  }
  if (target.children.empty()) return names;
  for (const auto& child : target.children) names.push_back(child.first);
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

void Walker::trouble(const std::string& path, const Error& error) {
  ++context_.observer.progress.errors;
  context_.observer.trouble(path, error);
}

// What is there but cannot be saved, not even as an entry that says so, makes its folder partial.
void Walker::trouble_in(Here& here, const std::string& path, const Error& error) {
  if (error.code != ErrorCode::not_found) here.task->miss_some();
  trouble(path, error);
}

void Walker::tell_item(const std::string& path, ItemChange change, std::uint64_t size) {
  if (context_.observer.wants_items()) context_.observer.item(path, change, size);
}

Filter::Note Walker::note() const {
  return [this](const std::string& text) { context_.observer.note(text); };
}

// `link/target` was named: the link stands for the folder that it leads to.
Result<SourceStatus> Walker::look_at(const Place& place, bool leads_on) const {
  auto found = source_status(place.folder, place.name);
  if (!leads_on) return found;
  if (found && found->kind == EntryKind::symlink)
    found = source_status_behind(place.folder, place.name);
  if (stand_in_ && (!found || found->kind != EntryKind::directory)) return *stand_in_;
  if (found && found->kind != EntryKind::directory)
    return fail(ErrorCode::not_found, "is not a folder");
  return found;
}

Result<void> Walker::visit(Here& here, const std::string& name, const Target* target) {
  TRY(context_.failure.check());
  if (context_.is_stopped()) return fail(ErrorCode::cancelled, "interrupted");
  const bool is_named = target != nullptr && target->is_named;
  const bool leads_on = target != nullptr && !is_named && here.only_targets;
  const bool is_elsewhere = is_named && !target->source.empty();
  const Place place = is_elsewhere ? Place{AT_FDCWD, target->source.c_str()}
                                   : Place{here.task->folder.descriptor(), name.c_str()};
  const auto found = look_at(place, leads_on);
  if (!found) {
    const std::string path = here.path_of(name);
    // Root, too, may not look at what another user has mounted.
    if (found.error().code != ErrorCode::permission || !UntouchablePlaces::is_own_mount_point(path))
      trouble_in(here, path, found.error());
    return {};
  }
  const SourceStatus& status = *found;
  Decision decision;
  if (!is_named && !leads_on && !context_.filter.keeps_all_in(here.rules)) {
    const std::string path = here.path_of(name);
    decision = context_.filter.judge(here.rules, path, status);
    // Never left out are the folders that lead to what the user named.
    if (decision.fate == Decision::Fate::leave_out && target != nullptr)
      decision.fate = Decision::Fate::search;
    if (decision.fate == Decision::Fate::leave_out) {
      if (here.known.find(name) != nullptr) tell_item(path, ItemChange::removed);
      return {};
    }
  }
  note_device(here.task, status);
  if (status.kind == EntryKind::directory)
    return visit_folder(here, name, place, status, decision, target);
  if (status.kind == EntryKind::file) return visit_file(here, name, place, status);
  if (context_.read_special && has_readable_content(status.kind))
    return read_special(here, name, place, status);
  return visit_special(here, name, place, status);
}

// Is everything that an entry of the last run names, on any level, still in the repository? What
// readers would refuse (earlier versions stored it) is not: only long entries can be that.
bool Walker::has_all_chunks(const KnownEntry& known) const {
  constexpr std::size_t kLong = 4096;
  if (known.status.size > limits::kFileBytes) return false;
  if (known.message.size() > kLong && !decode_entry(as_bytes(known.message))) return false;
  for (ByteSpan ids = as_bytes(known.listed); !ids.empty();) {
    const auto id = ChunkId::from_bytes(ids.first(std::min(ids.size(), ChunkId::kSize)));
    if (!id || !context_.knows(*id)) return false;
    ids = ids.subspan(ChunkId::kSize);
  }
  const auto check = [&](const ChunkId& id, ChunkKind) -> Result<void> {
    if (context_.knows(id)) return {};
    return fail(ErrorCode::not_found, {});
  };
  return for_each_reference(as_bytes(known.message), check).has_value();
}

// An entry that looks as it did is stored as it was, if everything it names is still there.
bool Walker::take_over(Here& here, const KnownEntry& known, const SourceStatus& status) {
  if (!has_all_chunks(known)) {
    context_.observer.note(
        fmt::format("{}: parts of it are missing in the repository, reading it again",
                    here.path_of(known.name)));
    return false;
  }
  here.task->add(DoneEntry{.name = std::string(known.name),
                           .message = std::string(known.message),
                           .status = status,
                           .chunk_class = known.chunk_class,
                           .listed = std::string(known.listed)});
  if (status.kind == EntryKind::file) {
    ++counts_.files_unchanged;
    context_.observer.progress.bytes_done += status.size;
  }
  ++context_.observer.progress.files_done;
  if (context_.observer.wants_items())
    tell_item(here.path_of(known.name), ItemChange::unchanged, status.size);
  return true;
}

void Walker::note_device(const FolderPtr& parent, const SourceStatus& status) {
  if (status.links < 2 || status.kind == EntryKind::directory) return;
  if (devices_.contains(status.device)) return;
  std::uint64_t identity = 0;
  struct statfs file_system {};
  const auto folder = source_status(parent->folder.descriptor(), "");
  if (folder && folder->device == status.device &&
      ::fstatfs(parent->folder.descriptor(), &file_system) == 0) {
    std::memcpy(&identity, &file_system.f_fsid, sizeof identity);
  }
  devices_.add(status.device, identity);
}

std::optional<std::uint64_t> Walker::hardlink_group(const SourceStatus& status) {
  if (status.links < 2 || status.kind == EntryKind::directory) return std::nullopt;
  return lagan::hardlink_group(context_.split_key, devices_.at(status.device), status.inode);
}

// A device may have another identity than in the last run. An entry that was taken over as it
// stands could then share its group with strangers.
bool Walker::is_grouped_so(const KnownEntry& known, const SourceStatus& status) {
  const auto group = hardlink_group(status);
  if (!group) return true;
  const auto entry = decode_entry(as_bytes(known.message));
  return entry && entry->hardlink == group;
}

Result<void> Walker::visit_file(Here& here, const std::string& name, const Place& place,
                                const SourceStatus& status) {
  const KnownEntry* before = here.known.find(name);
  const ChangeSigns& signs = context_.signs;
  std::optional<SavedFile> saved;
  if (before != nullptr && before->status.has_content_of(status)) {
    const bool same_inode = before->status.inode == status.inode;
    const bool same_ctime = before->status.has_ctime_of(status);
    // With the ctime as it was only the number of the inode may differ, and only links tell of
    // that.
    const bool is_unchanged = same_ctime && (same_inode || (!signs.inode && status.links < 2));
    const bool has_old_content =
        is_unchanged || ((same_inode || !signs.inode) && (same_ctime || !signs.ctime));
    const bool is_due =
        is_unchanged && context_.reread.period != 0 && context_.reread.is_due(here.path_of(name));
    if (is_unchanged && !is_due && is_grouped_so(*before, status) &&
        take_over(here, *before, status))
      return {};
    const bool is_looked_at = is_due || !is_unchanged || !is_grouped_so(*before, status);
    if (has_old_content && is_looked_at && has_all_chunks(*before)) {
      saved =
          SavedFile{is_due ? SavedFile::Use::compare : SavedFile::Use::take, before->status,
                    std::string(before->message), std::string(before->listed), before->chunk_class};
      ++counts_.files_unchanged;
    }
  }
  return context_.queue_file(FileJob{.folder = here.task,
                                     .number = here.task->expect(),
                                     .name = name,
                                     .source = place.folder == AT_FDCWD ? place.name : "",
                                     .status = status,
                                     .hardlink = hardlink_group(status),
                                     .previous_class = before != nullptr ? before->chunk_class : -1,
                                     .was_known = before != nullptr,
                                     .saved = std::move(saved)});
}

// Each by itself, for nobody knows when it has an end.
Result<void> Walker::read_special(Here& here, const std::string& name, const Place& place,
                                  const SourceStatus& status) {
  const KnownEntry* before = here.known.find(name);
  context_.flush_files();
  TRY(context_.queue_file(FileJob{.folder = here.task,
                                  .number = here.task->expect(),
                                  .name = name,
                                  .source = place.folder == AT_FDCWD ? place.name : "",
                                  .status = status,
                                  .previous_class = before != nullptr ? before->chunk_class : -1,
                                  .was_known = before != nullptr}));
  context_.flush_files();
  return {};
}

// Everything but folders and regular files, and folders that are not entered.
Result<void> Walker::visit_special(Here& here, const std::string& name, const Place& place,
                                   const SourceStatus& status) {
  const KnownEntry* before = here.known.find(name);
  if (before != nullptr && before->status.looks_like(status) &&
      status.kind != EntryKind::directory && is_grouped_so(*before, status) &&
      take_over(here, *before, status)) {
    return {};
  }
  const std::string path = here.path_of(name);
  Entry entry = entry_of(name, status, context_.owners);
  entry.hardlink = hardlink_group(status);
  if (status.kind == EntryKind::symlink) {
    auto link = read_link_target(place.folder, place.name);
    if (!link) {
      trouble_in(here, path, link.error());
      return {};
    }
    entry.link_target = *std::move(link);
  }
  const std::string opened = place.folder == AT_FDCWD
                                 ? place.name
                                 : fmt::format("/proc/self/fd/{}/{}", place.folder, place.name);
  auto attributes = read_link_xattrs(opened, context_.store_value);
  TRY(context_.failure.check());
  const auto wrong =
      attributes ? set_xattrs(entry, *std::move(attributes)) : std::optional(attributes.error());
  if (wrong) trouble(path, *wrong);
  DoneEntry done{.name = name, .message = encode(entry), .status = status};
  if (wrong || is_racy(status, here.task->folder.descriptor())) done.status.look_like_nothing();
  here.task->add(std::move(done));
  ++context_.observer.progress.files_done;
  tell_item(path, before != nullptr ? ItemChange::changed : ItemChange::added);
  return {};
}

// Extended attributes, flags and project of an open folder: read, or as they were if it looks as it
// did.
Result<void> Walker::read_folder_attributes(int folder, const std::string& path,
                                            const KnownEntry* known, const SourceStatus& status,
                                            Entry& entry) {
  if (known != nullptr && known->status.looks_like(status) && has_all_chunks(*known)) {
    if (auto decoded = decode_entry(as_bytes(known->message))) {
      entry.xattrs = std::move(decoded->xattrs);
      entry.flags = decoded->flags;
      entry.project = decoded->project;
      return {};
    }
  }
  auto attributes = read_xattrs(folder, context_.store_value);
  TRY(context_.failure.check());
  const auto wrong =
      attributes ? set_xattrs(entry, *std::move(attributes)) : std::optional(attributes.error());
  if (wrong) trouble(path, *wrong);
  read_inode_flags(folder, entry);
  return {};
}

Result<void> Walker::visit_folder(Here& here, const std::string& name, const Place& place,
                                  const SourceStatus& listed, const Decision& decision,
                                  const Target* target) {
  static const Target kNoTarget;
  const bool is_named = target != nullptr && target->is_named;
  const bool leads_on = target != nullptr && !is_named && here.only_targets;
  // Left out itself, it is there only if something below it is.
  const bool is_searched = decision.fate == Decision::Fate::search;
  const std::string path = here.path_of(name);
  if (depth_ >= limits::kPathDepth) {
    trouble_in(here, path,
               Error{ErrorCode::unsupported, "folders nest too deep", Retry::never, {}});
    return {};
  }
  const bool is_other_device =
      !is_named && !leads_on && context_.filter.one_file_system() && listed.device != here.device;
  if (is_other_device && target == nullptr) {
    if (is_searched) return {};
    return visit_special(here, name, place, listed);
  }
  File descriptor = (leads_on ? open_folder_behind : open_source_folder)(place.folder, place.name);
  const int open_error = errno;
  auto status = descriptor.is_open() ? source_status(descriptor.descriptor(), "")
                                     : Result<SourceStatus>(listed);
  if (!status) {
    trouble_in(here, path, status.error());
    return {};
  }
  Entry entry = entry_of(name, *status, context_.owners);
  if (!descriptor.is_open() && !(leads_on && stand_in_)) {
    if (is_searched) return {};
    // Its attributes are kept, so that a restore has a folder here.
    entry.state = EntryState::unreadable;
    trouble(path, system_error("open folder", open_error));
    DoneEntry done{.name = name, .message = encode(entry), .status = *status};
    done.status.look_like_nothing();
    here.task->add(std::move(done));
    return {};
  }

  const KnownEntry* known = here.known.find(name);
  if (known != nullptr && known->status.kind != EntryKind::directory) known = nullptr;
  std::string before = known != nullptr ? std::string(known->message) : std::string();
  const SourceStatus opened = *status;
  const int folder = descriptor.descriptor();
  if (descriptor.is_open()) TRY(read_folder_attributes(folder, path, known, opened, entry));
  if (entry.state != EntryState::as_read || is_racy(*status, folder)) status->look_like_nothing();
  const std::size_t number = here.task->expect();
  auto task = std::make_shared<FolderTask>(
      context_.split_key, context_.tree_sink, context_.states, context_.failure,
      [this, parent = here.task, number, path, before = std::move(before), status = *status,
       is_searched, entry = std::move(entry)](FolderTask::Finished finished) mutable {
        if (is_searched && finished.subtree.dirs + finished.subtree.files == 0)
          return parent->complete(number, std::nullopt);
        entry.subtree = finished.subtree;
        if (finished.is_partial) {
          entry.state =
              finished.subtree.id ? EntryState::partly_unreadable : EntryState::unreadable;
        }
        DoneEntry done{.name = entry.name,
                       .message = encode(entry),
                       .status = status,
                       .folder_at = finished.folder_at,
                       .below = finished.subtree};
        const ItemChange change = before.empty()           ? ItemChange::added
                                  : before == done.message ? ItemChange::unchanged
                                                           : ItemChange::changed;
        auto& counter = change == ItemChange::added       ? counts_.dirs_new
                        : change == ItemChange::unchanged ? counts_.dirs_unchanged
                                                          : counts_.dirs_changed;
        std::atomic_ref(counter).fetch_add(1, std::memory_order_relaxed);
        tell_item(path, change);
        parent->complete(number, std::move(done));
      });
  task->path = path;
  task->folder = std::move(descriptor);

  const bool is_closed = !is_named && !leads_on &&
                         !context_.filter.why_closed(folder, path, opened, here.device).empty();
  Here inner{std::move(task), {}, {}, opened.device, leads_on || is_other_device || is_closed};
  if (is_searched && decision.rule == nullptr) inner.only_targets = true;
  if (known != nullptr && context_.known != nullptr)
    inner.known = context_.known->folder(known->folder_at);
  const Target& below = target != nullptr ? *target : kNoTarget;
  const auto names = names_to_visit(inner, below, is_searched);
  inner.rules = leads_on
                    ? context_.filter.on_the_way(here.rules, folder, path, note())
                    : context_.filter.inside(here.rules, decision, folder, path, names, note());
  ++depth_;
  auto filled = fill(inner, names, below);
  --depth_;
  return filled;
}

}  // namespace lagan
