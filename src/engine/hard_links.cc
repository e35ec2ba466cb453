// SPDX-License-Identifier: Apache-2.0
#include "src/engine/hard_links.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <unistd.h>

#include "src/engine/file_place.h"
#include "src/engine/target_folder.h"

namespace lagan {
namespace {

constexpr std::uint64_t kProtecting = FS_IMMUTABLE_FL | FS_APPEND_FL;

bool is_same_inode(const SourceStatus& a, const SourceStatus& b) {
  return a.inode == b.inode && a.device == b.device;
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

}  // namespace

HardLinks::First* HardLinks::first_of(const Entry& entry, const std::string& path) {
  if (!entry.hardlink) return nullptr;
  const auto it = firsts_.find(*entry.hardlink);
  return it != firsts_.end() && it->second.path == path.substr(1) ? &it->second : nullptr;
}

void HardLinks::pass_over(const Entry& entry, const std::string& path) {
  if (first_of(entry, path) != nullptr) firsts_.erase(*entry.hardlink);
}

bool HardLinks::is_further_name(const Entry& entry, const std::string& path) {
  if (!entry.hardlink) return false;
  const auto [it, is_first] = firsts_.try_emplace(
      *entry.hardlink, First{.path = path.substr(1), .content = content_of(entry)});
  return !is_first && it->second.content == content_of(entry);
}

std::shared_ptr<OtherNames> HardLinks::expect_others(const Entry& entry, const std::string& path,
                                                     RestoredFilePlace& place) {
  First* first = first_of(entry, path);
  if (first == nullptr) return nullptr;
  first->is_pending = place.replacement.has_value();
  place.keeps_flags_for_later = (entry.flags & kProtecting) != 0;
  if (place.keeps_flags_for_later) flags_to_set_.push_back({path.substr(1), entry, place.bearer});
  return first->others;
}

Result<bool> HardLinks::link(int target, int folder, const Entry& entry, const std::string& path,
                             const std::optional<SourceStatus>& there) {
  First& first = firsts_.at(*entry.hardlink);
  if (first.is_pending) {
    links_to_make_.push_back({path.substr(1), *entry.hardlink, there.has_value()});
    first.others->add(path, context_.report);
    return true;
  }
  // The first name may be missing: it could not be restored.
  if (!link_now(first, target, folder, path, there)) {
    first.path = path.substr(1);
    return false;
  }
  first.others->add(path, context_.report);
  return true;
}

Result<void> HardLinks::link_now(const First& first, int target, int folder,
                                 const std::string& path,
                                 const std::optional<SourceStatus>& there) {
  const auto names = split_name(first.path);
  const std::string& first_name = names.second;
  const std::string name = split_name(path).second;
  const File first_folder = TRY(open_beneath(target, names.first));
  if (there) {
    const auto status = source_status(first_folder.descriptor(), first_name.c_str());
    if (status && is_same_inode(*status, *there)) {
      context_.finished(path, ItemChange::unchanged, 0);
      return {};
    }
  }
  const auto make = [&](const std::string& to) -> Result<void> {
    if (::linkat(first_folder.descriptor(), first_name.c_str(), folder, to.c_str(), 0) != 0)
      return fail(system_error("link to /" + first.path, errno));
    return {};
  };
  if (there) {
    TRY(put_in_place(folder, name, make));
  } else {
    TRY(make(name));
  }
  context_.finished(path, there ? ItemChange::changed : ItemChange::added, 0);
  return {};
}

void HardLinks::finish(int target) {
  for (const auto& [path, group, is_taken] : links_to_make_) {
    const auto first = firsts_.find(group);
    // It was told when the first name got into trouble.
    if (first == firsts_.end() || first->second.others->is_lost()) continue;
    const auto [above, name] = split_name(path);
    const auto folder = open_beneath(target, above);
    Result<void> linked = folder ? Result<void>() : fail(folder.error());
    if (folder) {
      const auto there = source_status(folder->descriptor(), name.c_str());
      linked = link_now(first->second, target, folder->descriptor(), "/" + path,
                        there && is_taken ? std::optional(*there) : std::nullopt);
    }
    if (!linked) context_.report("/" + path, linked.error());
  }
  for (const Flags& flags : flags_to_set_) set_flags(target, flags);
}

void HardLinks::set_flags(int target, const Flags& flags) {
  const auto [above, name] = split_name(flags.path);
  const auto folder = open_beneath(target, above);
  const File file = folder ? open_to_look(folder->descriptor(), name) : File();
  if (!file.is_open()) return;  // it could not be restored
  auto set = apply_inode_flags(file.descriptor(), flags.entry, "/" + flags.path,
                               context_.attributes, flags.bearer);
  if (!set) context_.report("/" + flags.path, set.error());
}

}  // namespace lagan
