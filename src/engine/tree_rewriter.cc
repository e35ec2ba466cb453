// SPDX-License-Identifier: Apache-2.0
#include "src/engine/tree_rewriter.h"

#include <algorithm>

#include "src/engine/folder_walk.h"
#include "src/engine/known_nodes.h"

namespace lagan {
namespace {

using Fate = Decision::Fate;

void add(Subtree& total, const Entry& entry) {
  if (entry.kind == EntryKind::directory) {
    total.dirs += 1 + entry.subtree.dirs;
    total.files += entry.subtree.files;
    total.content_bytes += entry.subtree.content_bytes;
  } else {
    total.files += 1;
    if (entry.kind == EntryKind::file) total.content_bytes += entry.size;
  }
}

}  // namespace

TreeRewriter::TreeRewriter(const RewriteFilter& filter, const PrfKey& split_key, ChunkSource source,
                           ChunkSink sink, std::function<bool()> is_stopped, Observer* observer)
    : filter_(filter),
      split_key_(split_key),
      source_(std::move(source)),
      known_(known_nodes(source_)),
      sink_(std::move(sink)),
      is_stopped_(std::move(is_stopped)),
      observer_(observer) {}

Result<std::optional<Subtree>> TreeRewriter::rewrite(const Subtree& root) {
  if (!root.id) return std::nullopt;
  std::optional<Subtree> became;
  const auto leave = [&](Folder& done, Folder* around) -> Result<void> {
    became = TRY(finish(done));
    if (around == nullptr) return {};
    if (became) done.entry.subtree = *became;
    settle(*around, done.entry, done.message, done.judgement.fate, became.has_value());
    return {};
  };
  const auto look = [this](std::string_view message, Folder& here) {
    return look_at(message, here);
  };
  TRY(walk_folders(open(*root.id, ""), is_stopped_, look, leave));
  return became;
}

TreeRewriter::Judgement TreeRewriter::judge(const FolderRules& rules, const std::string& path,
                                            const Entry& entry) const {
  if (!filter_.includes.is_empty()) {
    switch (filter_.includes.choose(path, entry.kind == EntryKind::directory)) {
      case RestoreFilter::Choice::yes:
        return {Fate::keep, {}};
      case RestoreFilter::Choice::no:
        return {Fate::leave_out, {}};
      case RestoreFilter::Choice::only_below:
        return {Fate::search, {}};
    }
  }
  SourceStatus status;
  status.kind = entry.kind;
  status.size = entry.size;
  const Decision decision = filter_.excludes.judge(rules, path, status);
  Judgement judgement{decision.fate, {}};
  if (decision.fate == Fate::search) judgement.inside.covering = decision.rule;
  return judgement;
}

// Of a folder that itself is kept.
bool TreeRewriter::may_change_below(const std::string& folder) const {
  if (filter_.includes.is_empty()) return filter_.excludes.may_leave_out_below(folder);
  return std::ranges::any_of(filter_.includes.includes, [&](const PatternRule& rule) {
    return rule.pattern.is_negated() && rule.pattern.may_match_below(folder);
  });
}

TreeRewriter::Folder TreeRewriter::open(const ChunkId& id, std::string path) const {
  return {.id = id,
          .cursor = DirectoryCursor(source_, id, [](const ChunkId&, std::size_t) {}),
          .path = std::move(path),
          .judgement = {},
          .entry = {},
          .message = {}};
}

// A folder that has to be gone through comes back; everything else is settled at once.
Result<std::optional<TreeRewriter::Folder>> TreeRewriter::look_at(std::string_view message,
                                                                  Folder& here) {
  Entry entry = TRY(decode_entry(as_bytes(message)));
  std::string path = here.path + "/" + entry.name;
  Judgement judgement = judge(here.judgement.inside, path, entry);
  const Fate fate = judgement.fate;
  if (entry.kind == EntryKind::directory && entry.subtree.id && fate != Fate::leave_out &&
      (fate == Fate::search || may_change_below(path))) {
    Folder below = open(*entry.subtree.id, std::move(path));
    below.judgement = std::move(judgement);
    below.entry = std::move(entry);
    below.message = message;
    return below;
  }
  settle(here, entry, message, fate, false);
  return std::nullopt;
}

void TreeRewriter::settle(Folder& here, const Entry& entry, std::string_view message, Fate fate,
                          bool is_changed) {
  // A folder that is only searched goes with the last of what might have been kept.
  if (fate == Fate::leave_out || (fate == Fate::search && !entry.subtree.id)) {
    add(removed_, entry);
    here.changes.push_back({entry.name, {}});
    if (observer_ == nullptr || !observer_->wants_items()) return;
    const std::string path = here.path + "/" + entry.name;
    const bool is_folder = entry.kind == EntryKind::directory;
    observer_->item(is_folder ? path + "/" : path, ItemChange::removed,
                    is_folder ? entry.subtree.content_bytes : entry.size);
    return;
  }
  if (is_changed) here.changes.push_back({entry.name, with_references(message, entry)});
  add(here.total, entry);
}

// What the folder becomes; nothing if it stays as it is.
Result<std::optional<Subtree>> TreeRewriter::finish(Folder& folder) {
  if (folder.changes.empty()) return std::nullopt;
  DirectoryBuilder builder(split_key_, sink_);
  auto change = folder.changes.begin();
  TRY(for_each_entry(known_, folder.id, [&](std::string_view message) -> Result<void> {
    const std::string_view name = entry_name(message);
    const bool is_changed = change != folder.changes.end() && change->name == name;
    if (!is_changed) return builder.add(name, message);
    const std::string& changed = (change++)->message;
    return changed.empty() ? Result<void>() : builder.add(name, changed);
  }));
  folder.total.id = TRY(builder.finish());
  return folder.total;
}

}  // namespace lagan
