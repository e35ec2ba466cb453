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
#include "src/engine/source_folder.h"

namespace lagan {
// The targets as a tree of path components; a node without children is a target.
struct Walker::Target {
  std::map<std::string, Target> children;
  bool is_whole = false;
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

Result<void> Walker::walk(const std::vector<std::string>& targets,
                          std::function<void(FolderTask::Finished)> finished) {
  Target root;
  for (const std::string& path : targets) {
    Target* node = &root;
    for (std::size_t at = 1; at < path.size() && !node->is_whole;) {
      const std::size_t end = std::min(path.find('/', at), path.size());
      node = &node->children[path.substr(at, end - at)];
      at = end + 1;
    }
    node->is_whole = true;
    node->children.clear();
  }
  auto folder =
      std::make_shared<FolderTask>(context_.split_key, context_.tree_sink, context_.states,
                                   context_.failure, std::move(finished));
  folder->path = "/";
  folder->folder = open_source_folder(AT_FDCWD, "/");
  if (!folder->folder.is_open()) return fail(system_error("open /", errno));
  const SourceStatus status = TRY(source_status(folder->folder.descriptor(), ""));
  FolderStates known = context_.known != nullptr ? context_.known->folder(context_.known->root_at())
                                                 : FolderStates();
  TRY(fill(folder, std::move(known), root.is_whole ? nullptr : &root, status.device));
  context_.flush_files();
  return context_.failure.check();
}

Result<void> Walker::fill(const FolderPtr& folder, FolderStates known, const Target* target,
                          std::uint64_t device) {
  if (target != nullptr) {
    for (const auto& [name, child] : target->children) {
      TRY(visit(folder, name.c_str(), &known, &child, device));
    }
  } else {
    auto names = list_names(folder->folder.descriptor());
    if (!names) {
      ++context_.observer.progress.errors;
      context_.observer.trouble(folder->path, names.error());
    } else {
      for (const std::string& name : *names)
        TRY(visit(folder, name.c_str(), &known, nullptr, device));
    }
  }
  folder->close();
  return {};
}

void Walker::trouble(const FolderPtr& parent, const std::string& path, const Error& error) {
  ++context_.observer.progress.errors;
  context_.observer.trouble(path, error);
  parent->add(std::nullopt);
}

Result<void> Walker::visit(const FolderPtr& parent, const char* name, FolderStates* known,
                           const Target* target, std::uint64_t device) {
  TRY(context_.failure.check());
  if (context_.is_stopped()) return fail(ErrorCode::cancelled, "interrupted");
  const int folder = parent->folder.descriptor();
  auto found = source_status(folder, name);
  // `link/target` was named: the link stands for the folder that it leads to.
  const bool leads_on = target != nullptr && !target->is_whole;
  if (found && leads_on && found->kind == EntryKind::symlink)
    found = source_status_behind(folder, name);
  if (!found) {
    trouble(parent, join_path(parent->path, name), found.error());
    return {};
  }
  const SourceStatus& status = *found;
  // What the user named is never excluded, nor are the folders that lead to it.
  if (target == nullptr && !context_.filter.is_empty() &&
      context_.filter.excludes(join_path(parent->path, name), status)) {
    return {};
  }
  if (leads_on && status.kind != EntryKind::directory) {
    trouble(parent, join_path(parent->path, name),
            Error{ErrorCode::not_found, "is not a folder", Retry::never, {}});
    return {};
  }
  note_device(parent, status);
  const KnownEntry* before = known->find(name);
  if (status.kind == EntryKind::directory) {
    const bool is_other_device =
        target == nullptr && context_.one_file_system && status.device != device;
    if (!is_other_device) {
      return enter(parent, name, status, before, target);
    }
    return finish_special(parent, name, status);
  }
  if (before != nullptr && before->status.looks_like(status) &&
      take_over(parent, *before, status)) {
    return {};
  }
  if (status.kind != EntryKind::file) return finish_special(parent, name, status);
  return context_.queue_file(FileJob{.folder = parent,
                                     .number = parent->expect(),
                                     .name = name,
                                     .status = status,
                                     .hardlink = hardlink_group(status),
                                     .previous_class = before != nullptr ? before->chunk_class : -1,
                                     .was_known = before != nullptr});
}

// Is everything that an entry of the last run names, on any level, still in the repository?
bool Walker::has_all_chunks(const KnownEntry& known) const {
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
bool Walker::take_over(const FolderPtr& parent, const KnownEntry& known,
                       const SourceStatus& status) {
  if (!has_all_chunks(known)) {
    context_.observer.note(
        fmt::format("{}: parts of it are missing in the repository, reading it again",
                    join_path(parent->path, known.name)));
    return false;
  }
  parent->add(DoneEntry{.name = std::string(known.name),
                        .message = std::string(known.message),
                        .status = status,
                        .chunk_class = known.chunk_class,
                        .listed = std::string(known.listed)});
  if (status.kind == EntryKind::file) {
    ++counts_.files_unchanged;
    context_.observer.progress.bytes_done += status.size;
  }
  ++context_.observer.progress.files_done;
  if (context_.observer.wants_items()) {
    context_.observer.item(join_path(parent->path, known.name), ItemChange::unchanged, status.size);
  }
  return true;
}

// What tells file systems apart, the same from boot to boot where the file system has an identity
// of its own (device numbers are dealt out anew). It must not depend on what else is met, or
// entries taken over from the last run would share a group with strangers.
void Walker::note_device(const FolderPtr& parent, const SourceStatus& status) {
  if (status.links < 2 || status.kind == EntryKind::directory) return;
  if (device_identities_.contains(status.device)) return;
  std::uint64_t identity = 0;
  struct statfs file_system {};
  const auto folder = source_status(parent->folder.descriptor(), "");
  if (folder && folder->device == status.device &&
      ::fstatfs(parent->folder.descriptor(), &file_system) == 0) {
    std::memcpy(&identity, &file_system.f_fsid, sizeof identity);
  }
  device_identities_[status.device] = identity != 0 ? identity : status.device;
}

std::optional<std::uint64_t> Walker::hardlink_group(const SourceStatus& status) {
  if (status.links < 2 || status.kind == EntryKind::directory) return std::nullopt;
  return lagan::hardlink_group(context_.split_key, device_identities_.at(status.device),
                               status.inode);
}

// Everything but folders and regular files, and folders that are not entered.
Result<void> Walker::finish_special(const FolderPtr& parent, const std::string& name,
                                    const SourceStatus& status) {
  const int folder = parent->folder.descriptor();
  const std::string path = join_path(parent->path, name);
  Entry entry = entry_of(name, status, context_.owners);
  entry.hardlink = hardlink_group(status);
  if (status.kind == EntryKind::symlink) {
    auto link = read_link_target(folder, name.c_str());
    if (!link) {
      trouble(parent, path, link.error());
      return {};
    }
    entry.link_target = *std::move(link);
  }
  auto attributes =
      read_link_xattrs(fmt::format("/proc/self/fd/{}/{}", folder, name), context_.store_value);
  TRY(context_.failure.check());
  if (attributes) {
    entry.xattrs = *std::move(attributes);
  } else {
    ++context_.observer.progress.errors;
    context_.observer.trouble(path, attributes.error());
  }
  DoneEntry done{.name = name, .message = encode(entry), .status = status};
  if (is_racy(status)) done.status.look_like_nothing();
  parent->add(std::move(done));
  ++context_.observer.progress.files_done;
  if (context_.observer.wants_items()) context_.observer.item(path, ItemChange::added, 0);
  return {};
}

Result<void> Walker::enter(const FolderPtr& parent, const std::string& name,
                           const SourceStatus& listed, const KnownEntry* known,
                           const Target* target) {
  const std::string path = join_path(parent->path, name);
  if (depth_ >= limits::kPathDepth) {
    trouble(parent, path, Error{ErrorCode::unsupported, "folders nest too deep", Retry::never, {}});
    return {};
  }
  const bool leads_on = target != nullptr && !target->is_whole;
  File descriptor = (leads_on ? open_folder_behind : open_source_folder)(
      parent->folder.descriptor(), name.c_str());
  const int open_error = errno;
  auto status = descriptor.is_open() ? source_status(descriptor.descriptor(), "")
                                     : Result<SourceStatus>(listed);
  if (!status) {
    trouble(parent, path, status.error());
    return {};
  }

  Entry entry = entry_of(name, *status, context_.owners);
  if (!descriptor.is_open()) {
    // Its attributes are kept, so that a restore has a folder here.
    entry.state = EntryState::unreadable;
    ++context_.observer.progress.errors;
    context_.observer.trouble(path, system_error("open folder", open_error));
    DoneEntry done{.name = name, .message = encode(entry), .status = *status};
    done.status.look_like_nothing();
    parent->add(std::move(done));
    return {};
  }
  const bool is_known_folder = known != nullptr && known->status.kind == EntryKind::directory;
  std::string before = is_known_folder ? std::string(known->message) : std::string();
  const auto decoded =
      is_known_folder && known->status.looks_like(*status) && has_all_chunks(*known)
          ? decode_entry(as_bytes(before))
          : Result<Entry>(fail(ErrorCode::not_found, "changed"));
  if (decoded) {
    entry.xattrs = decoded->xattrs;
    entry.flags = decoded->flags;
    entry.project = decoded->project;
  } else {
    auto attributes = read_xattrs(descriptor.descriptor(), context_.store_value);
    TRY(context_.failure.check());
    if (attributes) entry.xattrs = *std::move(attributes);
    if (!attributes) {
      ++context_.observer.progress.errors;
      context_.observer.trouble(path, attributes.error());
    }
    read_inode_flags(descriptor.descriptor(), entry);
  }

  if (is_racy(*status)) status->look_like_nothing();
  const std::size_t number = parent->expect();
  auto folder = std::make_shared<FolderTask>(
      context_.split_key, context_.tree_sink, context_.states, context_.failure,
      [this, parent, number, name, before = std::move(before), status = *status,
       entry = std::move(entry)](FolderTask::Finished finished) mutable {
        entry.subtree = finished.subtree;
        DoneEntry done{.name = name,
                       .message = encode(entry),
                       .status = status,
                       .folder_at = finished.folder_at,
                       .below = finished.subtree};
        auto& counter = before.empty()           ? counts_.dirs_new
                        : before == done.message ? counts_.dirs_unchanged
                                                 : counts_.dirs_changed;
        std::atomic_ref(counter).fetch_add(1, std::memory_order_relaxed);
        parent->complete(number, std::move(done));
      });
  folder->path = path;
  folder->folder = std::move(descriptor);
  const bool is_marked =
      target == nullptr && context_.filter.excludes_content_of(folder->folder.descriptor());
  if (is_marked) {
    folder->close();
    return {};
  }
  FolderStates below = is_known_folder && context_.known != nullptr
                           ? context_.known->folder(known->folder_at)
                           : FolderStates();
  ++depth_;
  auto filled = fill(folder, std::move(below), leads_on ? target : nullptr, status->device);
  --depth_;
  return filled;
}

}  // namespace lagan
