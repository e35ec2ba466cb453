// SPDX-License-Identifier: Apache-2.0
#include "src/engine/target_level.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "src/engine/source_folder.h"
#include "src/engine/target_folder.h"

namespace lagan {

using Status = std::optional<SourceStatus>;

namespace {

// What tells files of a folder apart, nearly always; devices count, for others may be mounted in
// it.
std::uint64_t identity_of(const SourceStatus& status) {
  return status.inode ^ (status.device * 0x9e37'79b9'7f4a'7c15);
}

// Is it there under exactly this name? A look-up may not care about capitals.
bool is_listed(TargetLevel& level, const std::string& name) {
  if (!level.names) {
    level.names.emplace();
    (void)list_names(level.folder->descriptor(), *level.names);
  }
  return std::ranges::binary_search(*level.names, name);
}

}  // namespace

void TargetLevels::take(TargetLevel& level, const Result<SourceStatus>& made) {
  if (made && !level.is_pristine) level.taken.insert(identity_of(*made));
}

Result<void> TargetLevels::open_target(TargetLevel& root, const std::string& path) {
  const bool was_there = source_status_behind(AT_FDCWD, path.c_str()).has_value();
  if (context_.dry_run && !was_there) return {};
  if (!context_.dry_run) TRY(make_directories(path));
  File folder = TRY(open_file(path, O_RDONLY | O_DIRECTORY));
  target_ = File(::fcntl(folder.descriptor(), F_DUPFD_CLOEXEC, 0));
  if (!was_there) remove_inherited(target());
  device_ = TRY(source_status(target(), "")).device;
  if (!context_.dry_run) written_.add(target(), device_);
  root.is_pristine = !was_there;
  root.folder = std::make_shared<const File>(std::move(folder));
  return {};
}

Result<Status> TargetLevels::occupant(TargetLevel& level, const std::string& name) {
  if (level.is_pristine || !level.folder) return Status();
  auto status = source_status(level.folder->descriptor(), name.c_str());
  if (!status && status.error().code == ErrorCode::not_found) return Status();
  if (!status) return fail(std::move(status).error());
  // It goes by this name, but is listed under one in other letters.
  if (level.extras && !level.last_is_listed) level.extras->spare(status->inode);
  // Asked again for the same entry?
  const bool is_again = level.last_asked == name;
  level.last_asked = name;
  const bool is_known = !level.taken.insert(identity_of(*status)).second;
  // Hard links are the same file under two names, which are both listed.
  if (is_known && !is_again && !is_listed(level, name)) {
    return fail(ErrorCode::already_exists,
                "its name is here the same as that of another entry of the folder, which has been "
                "restored and stays");
  }
  return Status(*status);
}

Result<void> TargetLevels::reach(TargetLevel& level, bool make) {
  if (level.folder || level.is_left || (level.is_looked_for && !make)) return {};
  // The root is opened before, or not there.
  if (level.parent == nullptr) return {};
  TRY(reach(*level.parent, make));
  level.is_looked_for = true;
  level.is_left = level.parent->is_left;
  if (!level.parent->folder) return {};
  const Status there = TRY(occupant(*level.parent, level.entry.name));
  if (there && there->kind != EntryKind::directory) {
    // An empty folder is no reason to part with what was there.
    level.is_left = judge(context_.overwrite, there, level.entry) == Verdict::leave ||
                    level.entry.state == EntryState::unreadable;
    if (level.is_left) context_.left(level);
    if (level.is_left || !make) return {};
    TRY(remove_name(level.parent->folder->descriptor(), level.entry.name));
    return enter(level, std::nullopt);
  }
  return there || make ? enter(level, there) : Result<void>();
}

Result<void> TargetLevels::enter(TargetLevel& level, const Status& there) {
  const int above = level.parent->folder->descriptor();
  const std::string& name = level.entry.name;
  if (!there && ::mkdirat(above, name.c_str(), 0700) != 0)
    return fail(system_error("create folder", errno));
  File folder = TRY(open_folder(above, name, level.is_wanted && !context_.dry_run));
  if (!there) {
    if (!level.parent->is_pristine) remove_inherited(folder.descriptor());
    level.is_pristine = true;
    take(*level.parent, source_status(folder.descriptor(), ""));
    context_.item(level.path, ItemChange::added);
  }
  level.folder = std::make_shared<const File>(std::move(folder));
  if (context_.dry_run) return {};
  // Another one may be mounted here.
  if (there) written_.add(level.folder->descriptor(), there->device);
  // What was there and only leads on stays as it is.
  const bool keeps_attributes = there && (!level.is_wanted || judge(context_.overwrite, there,
                                                                    level.entry) == Verdict::leave);
  if (keeps_attributes) return {};
  if (there) make_changeable(level.folder->descriptor());
  made_.push_back({level.path.substr(1), level.entry, there ? Bearer::used : Bearer::fresh});
  return {};
}

// Neither in a file system that is mounted below the target (a backup may have saved it as an empty
// folder) nor in folders of lagan's own, which backups always save so.
bool TargetLevels::may_delete_in(const TargetLevel& level) const {
  const auto status = source_status(level.folder->descriptor(), "");
  const bool is_here = status && status->device == device_;
  const std::string_view own = status ? context_.removal.places.own_folder("", *status) : "";
  if (is_here && own.empty()) return true;
  const std::string_view what = own.empty() ? "another file system" : own;
  context_.note(fmt::format("{} is {}: nothing is deleted there", level.path, what));
  return false;
}

void TargetLevels::list_extra(TargetLevel& level) {
  if (!level.folder || !may_delete_in(level)) return;
  auto listed = ExtraEntries::list(level.folder->descriptor());
  if (listed) level.extras = *std::move(listed);
  if (!listed) context_.trouble(level.path, listed.error());
}

void TargetLevels::delete_extra(TargetLevel& level) {
  // Where names could not be read, what looks superfluous may be what the snapshot has.
  if (!level.extras || !level.is_complete) return;
  const int folder = level.folder->descriptor();
  for (const std::string& name : level.extras->unexpected(folder))
    remove_extra(folder, name, level.path + "/" + name, context_.removal);
}

void TargetLevels::finish() {
  std::ranges::reverse(made_);
  for (const Made& made : made_) {
    auto folder = open_beneath(target(), made.path);
    auto done = folder ? apply_attributes(folder->descriptor(), made.entry, "/" + made.path,
                                          attributes_, made.bearer)
                       : fail(folder.error());
    if (!done) context_.trouble("/" + made.path, done.error());
  }
}

}  // namespace lagan
