// SPDX-License-Identifier: Apache-2.0
#include "src/engine/tree_rewriter.h"

#include <algorithm>

#include "repo/limits.h"
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
  return rewrite_folder(root, "", {});
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

// Calls itself once a folder.
Result<std::optional<Subtree>> TreeRewriter::rewrite_folder(const Subtree& folder,
                                                            const std::string& path,
                                                            const FolderRules& rules) {
  if (!folder.id) return std::nullopt;
  if (is_stopped_()) return fail(ErrorCode::cancelled, "interrupted");
  if (++depth_ > limits::kPathDepth) return fail(ErrorCode::corrupt, "folders nest too deep");
  const std::string where = path.empty() ? "/" : path;
  Subtree total;
  std::vector<Change> changes;
  std::optional<Error> below;
  const auto read = for_each_entry(source_, *folder.id, [&](std::string_view message) {
    auto done = look_at(message, path, rules, total, changes);
    if (!done) below = done.error();
    return done;
  });
  if (below) return fail(*std::move(below));  // which has its own place
  TRY_IN(where, read);
  --depth_;
  if (changes.empty()) return std::nullopt;
  total.id = TRY_IN(where, write(*folder.id, changes));
  return total;
}

Result<void> TreeRewriter::look_at(std::string_view message, const std::string& folder,
                                   const FolderRules& rules, Subtree& total,
                                   std::vector<Change>& changes) {
  Entry entry = TRY(decode_entry(as_bytes(message)));
  const std::string path = folder + "/" + entry.name;
  const auto [fate, inside] = judge(rules, path, entry);
  bool is_changed = false;
  if (entry.kind == EntryKind::directory && fate != Fate::leave_out &&
      (fate == Fate::search || may_change_below(path))) {
    const auto below = TRY(rewrite_folder(entry.subtree, path, inside));
    is_changed = below.has_value();
    if (below) entry.subtree = *below;
  }
  // A folder that is only searched goes with the last of what might have been kept.
  if (fate == Fate::leave_out || (fate == Fate::search && !entry.subtree.id)) {
    drop(entry, path);
    changes.push_back({entry.name, {}});
    return {};
  }
  if (is_changed) changes.push_back({entry.name, with_references(message, entry)});
  add(total, entry);
  return {};
}

void TreeRewriter::drop(const Entry& entry, const std::string& path) {
  add(removed_, entry);
  if (observer_ == nullptr || !observer_->wants_items()) return;
  const bool is_folder = entry.kind == EntryKind::directory;
  observer_->item(is_folder ? path + "/" : path, ItemChange::removed,
                  is_folder ? entry.subtree.content_bytes : entry.size);
}

Result<std::optional<ChunkId>> TreeRewriter::write(const ChunkId& top,
                                                   const std::vector<Change>& changes) {
  DirectoryBuilder builder(split_key_, sink_);
  auto change = changes.begin();
  TRY(for_each_entry(known_, top, [&](std::string_view message) -> Result<void> {
    const std::string_view name = entry_name(message);
    const bool is_changed = change != changes.end() && change->name == name;
    if (!is_changed) return builder.add(name, message);
    const std::string& changed = (change++)->message;
    return changed.empty() ? Result<void>() : builder.add(name, changed);
  }));
  return builder.finish();
}

}  // namespace lagan
