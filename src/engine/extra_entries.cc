// SPDX-License-Identifier: Apache-2.0
#include "src/engine/extra_entries.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "src/engine/source_entry.h"
#include "src/engine/source_folder.h"
#include "src/engine/target_folder.h"

namespace lagan {
namespace {

// Everything in a folder, then the folder itself.
bool remove_folder(int above, const std::string& name, const std::string& path,
                   const Removal& removal, std::uint64_t device, bool is_chosen) {
  const File folder(::openat(above, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.is_open()) {
    removal.trouble(path, system_error("open folder", errno));
    return false;
  }
  const auto status = source_status(folder.descriptor(), "");
  if (!status || status->device != device) {
    removal.trouble(path, Error{ErrorCode::invalid_argument,
                                "is another file system: nothing is deleted there",
                                Retry::never,
                                {}});
    return false;
  }
  if (const std::string_view own = removal.places.own_folder("", *status); !own.empty()) {
    removal.trouble(path, Error{ErrorCode::invalid_argument,
                                "is " + std::string(own) + ": nothing is deleted there",
                                Retry::never,
                                {}});
    return false;
  }
  const auto names = list_names(folder.descriptor());
  if (!names) {
    removal.trouble(path, names.error());
    return false;
  }
  if (!removal.dry_run && is_chosen) make_changeable(folder.descriptor());
  bool is_empty = true;
  for (const std::string& inner : *names) {
    if (!remove_extra(folder.descriptor(), inner, path + "/" + inner, removal)) is_empty = false;
  }
  return is_chosen && is_empty;
}

}  // namespace

Result<ExtraEntries> ExtraEntries::list(int folder) {
  ExtraEntries entries;
  entries.names_ = TRY(list_names(folder));
  entries.expected_.resize(entries.names_.size());
  return entries;
}

bool ExtraEntries::expect(std::string_view name) {
  const auto it = std::ranges::lower_bound(names_, name);
  if (it == names_.end() || *it != name) return false;
  expected_[static_cast<std::size_t>(it - names_.begin())] = true;
  return true;
}

std::vector<std::string> ExtraEntries::unexpected(int folder) const {
  std::vector<std::string> extra;
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (expected_[i]) continue;
    const auto status = spared_.empty() ? Result<SourceStatus>(SourceStatus{})
                                        : source_status(folder, names_[i].c_str());
    if (status && std::ranges::find(spared_, status->inode) != spared_.end()) continue;
    extra.push_back(names_[i]);
  }
  return extra;
}

bool remove_extra(int folder, const std::string& name, const std::string& path,
                  const Removal& removal) {
  const auto status = source_status(folder, name.c_str());
  if (!status) return true;  // gone meanwhile
  const bool is_folder = status->kind == EntryKind::directory;
  const RestoreFilter::Choice choice = removal.filter.choose(path, is_folder);
  if (choice == RestoreFilter::Choice::no) return false;
  const bool is_chosen = choice == RestoreFilter::Choice::yes;
  if (is_folder) {
    const auto here = source_status(folder, "");
    if (!here || !remove_folder(folder, name, path, removal, here->device, is_chosen)) return false;
  }
  if (!removal.dry_run) {
    if (auto removed = remove_name(folder, name); !removed) {
      removal.trouble(path, removed.error());
      return false;
    }
  }
  removal.removed(path);
  return true;
}

}  // namespace lagan
