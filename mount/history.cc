// SPDX-License-Identifier: Apache-2.0
#include "mount/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <set>
#include <unordered_set>

#include "mount/outage.h"
#include "repo/entry_compare.h"

namespace lagan {
namespace {

constexpr std::size_t kCacheBytes = std::size_t{4} << 20;

// "2026-11-20T14.00.03~3f2a.tex": sorted by time, told apart by content, opened by what opens such
// files.
std::string version_name(const Entry& entry, std::uint64_t content) {
  const std::time_t seconds = entry.mtime;
  std::tm parts{};
  char when[64] = "unknown";
  if (::gmtime_r(&seconds, &parts) != nullptr)
    std::strftime(when, sizeof when, "%Y-%m-%dT%H.%M.%S", &parts);
  std::string ending;
  const std::size_t dot = entry.name.rfind('.');
  constexpr std::size_t kEndingBytes = 16;
  if (dot != std::string::npos && dot > 0 && entry.name.size() - dot <= kEndingBytes)
    ending = entry.name.substr(dot);
  return fmt::format("{}~{:04x}{}", when, content & 0xffff, ending);
}

}  // namespace

Histories::Histories(TreeReader& reader, const Numbers& numbers, std::vector<SnapshotFolder> roots)
    : reader_(reader), numbers_(numbers), histories_(kCacheBytes), names_(kCacheBytes) {
  auto root = std::make_shared<History>();
  std::unordered_set<std::uint64_t> seen;
  for (SnapshotFolder& folder : roots) {
    if (folder.top && seen.insert(numbers.of('u', folder.path, as_text(folder.top->span()))).second)
      root->folders.push_back(std::move(folder));
  }
  root_ = std::move(root);
}

Result<std::shared_ptr<const History>> Histories::at(const std::string& path) {
  if (path.empty()) return root_;
  {
    const MutexLock lock(mutex_);
    if (const auto* known = histories_.find(path)) return *known;
  }
  const std::size_t slash = path.rfind('/');
  const auto above = TRY(at(slash == path.npos ? std::string() : path.substr(0, slash)));
  auto found =
      TRY(below(*above, std::string_view(path).substr(slash == path.npos ? 0 : slash + 1)));
  const std::size_t weight = 256 + path.size() + found->folders.size() * sizeof(SnapshotFolder) +
                             found->versions.size() * 1024;
  const MutexLock lock(mutex_);
  if (!found->missed) histories_.put(path, found, weight);
  return found;
}

Result<std::shared_ptr<const History>> Histories::below(const History& above,
                                                        std::string_view name) {
  auto history = std::make_shared<History>();
  std::unordered_set<std::string> contents;
  std::unordered_set<std::uint64_t> tops;
  std::set<std::string> names;
  history->missed = above.missed;
  for (const SnapshotFolder& folder : above.folders) {
    if (!folder.top) continue;
    auto found = reader_.find(*folder.top, name);
    if (!found && is_outage(found.error())) return fail(found.error());
    if (!found) {
      if (!history->missed) history->missed = found.error();
      continue;
    }
    if (!*found) continue;
    const Entry& entry = (*found)->entry;
    if (entry.kind == EntryKind::directory) {
      SnapshotFolder inner{0, 0, numbers_.of('p', folder.path, name), entry.subtree.id,
                           folder.snapshot};
      const std::string_view top =
          inner.top ? as_text(inner.top->span()) : std::string_view("empty");
      if (tops.insert(numbers_.of('u', inner.path, top)).second)
        history->folders.push_back(std::move(inner));
      continue;
    }
    const std::string content = content_of(entry);
    if (!contents.insert(content).second) continue;
    std::string wanted = version_name(entry, numbers_.of('c', 0, content)), free = wanted;
    for (int i = 1; !names.insert(free).second; ++i) free = fmt::format("{}-{}", wanted, i);
    history->versions.push_back({std::move(free), **std::move(found), folder});
  }
  if (history->is_empty() && history->missed) return fail(*history->missed);
  std::ranges::sort(history->versions, {}, &History::Version::name);
  return std::shared_ptr<const History>(std::move(history));
}

Result<std::shared_ptr<const HistoryNames>> Histories::names_in(const std::string& path) {
  {
    const MutexLock lock(mutex_);
    if (const auto* known = names_.find(path)) return *known;
  }
  const auto history = TRY(at(path));
  std::unordered_set<LeafNumber> seen;
  std::set<std::string> names;
  std::optional<Error> missed = history->missed;
  const auto miss = [&](const Error& error) {
    if (!missed) missed = error;
  };
  for (const SnapshotFolder& folder : history->folders) {
    if (!folder.top) continue;
    const auto all = reader_.leaves(*folder.top);
    if (!all && is_outage(all.error())) return fail(all.error());
    if (!all) {
      miss(all.error());
      continue;
    }
    for (const FolderLeaves::One& one : (*all)->leaves) {
      if (!seen.insert(one.number).second) continue;
      const auto leaf = reader_.leaf(one);
      if (!leaf && is_outage(leaf.error())) return fail(leaf.error());
      if (!leaf) {
        miss(leaf.error());
        continue;
      }
      for (const std::string_view message : (*leaf)->entries) {
        if (const std::string_view name = entry_name(message); is_valid_entry_name(name))
          names.emplace(name);
      }
    }
  }
  std::size_t weight = 256;
  for (const std::string& name : names) weight += 32 + name.size();
  auto sorted =
      std::make_shared<const HistoryNames>(HistoryNames{{names.begin(), names.end()}, missed});
  const MutexLock lock(mutex_);
  if (!missed) names_.put(path, sorted, weight);
  return sorted;
}

}  // namespace lagan
