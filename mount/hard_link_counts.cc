// SPDX-License-Identifier: Apache-2.0
#include "mount/hard_link_counts.h"

#include <algorithm>
#include <vector>

#include "mount/outage.h"
#include "repo/parse_directory.h"

namespace lagan {
namespace {

// Beyond that, folders are walked through once more.
constexpr std::size_t kFoldersRemembered = 1'000'000;

// A folder's node, and whether all below it has been walked through.
struct Visit {
  ChunkId id;
  bool is_left = false;
  bool has_links = false;
};

}  // namespace

std::uint64_t HardLinkCounts::file_number(Entry entry) const {
  entry.name = "file";  // an entry without a name cannot be encoded
  return numbers_.of('h', 0, encode(entry));
}

Result<std::uint32_t> HardLinkCounts::names_of(const ChunkId& root, std::uint64_t file_number) {
  const MutexLock lock(mutex_);
  const auto* known = counts_.find(root);
  const std::shared_ptr<const Counts> counts = known != nullptr ? *known : TRY(count(root));
  const auto found = counts->find(file_number);
  return found != counts->end() ? found->second : 1;
}

Result<std::shared_ptr<const HardLinkCounts::Counts>> HardLinkCounts::count(const ChunkId& root) {
  auto counts = std::make_shared<Counts>();
  const auto short_id = [](const ChunkId& id) { return std::hash<ChunkId>()(id); };
  std::vector<Visit> path{{root}};
  while (!path.empty()) {
    if (path.back().is_left || without_.contains(short_id(path.back().id))) {
      const Visit left = path.back();
      path.pop_back();
      if (!left.has_links && without_.size() < kFoldersRemembered)
        without_.insert(short_id(left.id));
      if (!left.has_links) continue;
      // The one that it lies in is the last that is left but not yet popped.
      const auto above = std::find_if(path.rbegin(), path.rend(),
                                      [](const Visit& visit) { return visit.is_left; });
      if (above != path.rend()) above->has_links = true;
      continue;
    }
    path.back().is_left = true;
    const std::size_t at = path.size() - 1;
    const auto bytes = source_(path[at].id, ChunkKind::directory);
    const auto node = bytes ? parse_directory(*bytes) : fail(bytes.error());
    if (!node && is_outage(node.error())) return fail(node.error());
    if (!node) {
      path[at].has_links = true;  // it is not known to have none
      continue;
    }
    for (const DirectoryChild& child : node->children) path.push_back({child.id});
    for (const std::string_view message : node->entries) {
      auto entry = decode_entry(as_bytes(message));
      if (!entry) continue;
      if (entry->kind == EntryKind::directory) {
        if (entry->subtree.id) path.push_back({*entry->subtree.id});
      } else if (entry->hardlink) {
        path[at].has_links = true;
        ++(*counts)[file_number(*std::move(entry))];
      }
    }
  }
  counts_.put(root, counts, 256 + counts->size() * 48);
  return std::shared_ptr<const Counts>(std::move(counts));
}

}  // namespace lagan
