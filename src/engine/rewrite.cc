// SPDX-License-Identifier: Apache-2.0
#include "src/engine/rewrite.h"

#include <fmt/format.h>

#include <algorithm>

#include "repo/chunk_reader.h"
#include "repo/derived_keys.h"
#include "repo/limits.h"
#include "repo/machine.h"
#include "repo/pack_reader.h"
#include "repo/rescue.h"
#include "repo/session.h"
#include "src/engine/known_nodes.h"
#include "src/engine/seen_snapshots.h"

namespace lagan {
namespace {

void add(Subtree& total, const Entry& entry, const Subtree& below) {
  if (entry.kind == EntryKind::directory) {
    total.dirs += 1 + below.dirs;
    total.files += below.files;
    total.content_bytes += below.content_bytes;
  } else {
    total.files += 1;
    if (entry.kind == EntryKind::file) total.content_bytes += entry.size;
  }
}

// Goes through each directory once to see what changes in it and below it, and once more, if
// something does, to write it. Calls itself once a folder.
class TreeRewriter {
 public:
  TreeRewriter(const RewriteOptions& options, const PrfKey& split_key, ChunkSource source,
               ChunkSink sink, Observer* observer)
      : options_(options),
        split_key_(split_key),
        source_(std::move(source)),
        known_(known_nodes(source_)),
        sink_(std::move(sink)),
        observer_(observer) {}

  // What `folder` becomes; nothing if it stays as it is.
  Result<std::optional<Subtree>> rewrite(const Subtree& folder, const std::string& path);

  const Subtree& removed() const { return removed_; }

 private:
  enum class Choice { keep, drop, look_below };
  // What an entry of the folder becomes; without a message it goes.
  struct Change {
    std::string name, message;
  };
  Choice choose(const std::string& path, const Entry& entry) const;
  Result<void> look_at(std::string_view message, const std::string& folder, Subtree& total,
                       std::vector<Change>& changes);
  void drop(const Entry& entry, const Subtree& below, const std::string& path);
  Result<std::optional<ChunkId>> write(const ChunkId& top, const std::vector<Change>& changes);

  const RewriteOptions& options_;
  const PrfKey split_key_;
  const ChunkSource source_, known_;
  const ChunkSink sink_;
  Observer* const observer_;  // null: it was told already
  std::size_t depth_ = 0;
  Subtree removed_;
};

TreeRewriter::Choice TreeRewriter::choose(const std::string& path, const Entry& entry) const {
  const bool is_folder = entry.kind == EntryKind::directory;
  const auto below = [&](bool may_match) {
    return is_folder && may_match && entry.subtree.id ? Choice::look_below : Choice::keep;
  };
  if (options_.includes.empty()) {
    SourceStatus status;
    status.kind = entry.kind;
    status.size = entry.size;
    return options_.excludes.excludes(path, status)
               ? Choice::drop
               : below(options_.excludes.may_exclude_below(path));
  }
  const auto is_included = [&](const PathPattern& pattern) { return pattern.matches(path); };
  if (std::ranges::any_of(options_.includes, is_included)) return Choice::keep;
  const auto leads_on = [&](const PathPattern& pattern) { return pattern.may_match_below(path); };
  const bool leads = is_folder && std::ranges::any_of(options_.includes, leads_on);
  return leads && entry.subtree.id ? Choice::look_below : Choice::drop;
}

Result<std::optional<Subtree>> TreeRewriter::rewrite(const Subtree& folder,
                                                     const std::string& path) {
  if (!folder.id) return std::nullopt;
  if (options_.is_stopped()) return fail(ErrorCode::cancelled, "interrupted");
  if (++depth_ > limits::kPathDepth) return fail(ErrorCode::corrupt, "folders nest too deep");
  Subtree total;
  std::vector<Change> changes;
  TRY_IN(path.empty() ? "/" : path,
         for_each_entry(source_, *folder.id, [&](std::string_view message) {
           return look_at(message, path, total, changes);
         }));
  --depth_;
  if (changes.empty()) return std::nullopt;
  total.id = TRY_IN(path.empty() ? "/" : path, write(*folder.id, changes));
  return total;
}

Result<void> TreeRewriter::look_at(std::string_view message, const std::string& folder,
                                   Subtree& total, std::vector<Change>& changes) {
  Entry entry = TRY(decode_entry(as_bytes(message)));
  const std::string path = folder + "/" + entry.name;
  const Choice choice = choose(path, entry);
  if (choice == Choice::drop) {
    drop(entry, entry.subtree, path);
    changes.push_back({entry.name, {}});
    return {};
  }
  if (choice == Choice::look_below) {
    if (const auto below = TRY(rewrite(entry.subtree, path))) {
      entry.subtree = *below;
      // A folder that only led to what might be included goes with the last of it.
      if (!options_.includes.empty() && !below->id) {
        drop(entry, {}, path);
        changes.push_back({entry.name, {}});
        return {};
      }
      changes.push_back({entry.name, with_references(message, entry)});
    }
  }
  add(total, entry, entry.subtree);
  return {};
}

void TreeRewriter::drop(const Entry& entry, const Subtree& below, const std::string& path) {
  add(removed_, entry, below);
  if (observer_ == nullptr || !observer_->wants_items()) return;
  const bool is_folder = entry.kind == EntryKind::directory;
  observer_->item(is_folder ? path + "/" : path, ItemChange::removed,
                  is_folder ? below.content_bytes : entry.size);
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

class Rewrite {
 public:
  Rewrite(const Repository& repository, LocalIndex& index, const StoredSnapshot& old,
          const RewriteOptions& options, Observer& observer)
      : repository_(repository),
        index_(index),
        old_(old),
        options_(options),
        observer_(observer),
        reader_(repository, index) {}

  Result<RewriteResult> run();

 private:
  Result<void> find_out();
  Result<Snapshot> describe(const WriterSession& session);
  Result<std::optional<Subtree>> rewrite_tree(ChunkSink sink, Observer* observer);

  const Repository& repository_;
  LocalIndex& index_;
  const StoredSnapshot& old_;
  const RewriteOptions& options_;
  Observer& observer_;
  ChunkReader reader_;
  RewriteResult result_;
};

Result<RewriteResult> Rewrite::run() {
  TRY(find_out());
  if (!result_.is_changed || options_.dry_run) return std::move(result_);
  auto session = TRY(WriterSession::begin(repository_, index_, Purpose::rewrite, host_name()));
  const auto snapshot = describe(*session);
  const auto rescued = snapshot ? store_endangered(repository_, index_, session->id(), *snapshot)
                                : fail(snapshot.error());
  if (!rescued) {
    (void)session->abandon();
    return fail(rescued.error());
  }
  TRY(session->commit(*snapshot));
  SeenSnapshots::note(repository_, session->id());
  result_.snapshot = session->id();
  return std::move(result_);
}

// Without a session: one that finds nothing to do would leave its fence for ever.
Result<void> Rewrite::find_out() {
  const Snapshot& snapshot = old_.snapshot;
  result_.is_changed = (options_.host && *options_.host != snapshot.host) ||
                       (options_.time && *options_.time != snapshot.time);
  if (!options_.changes_trees()) return {};
  const ChunkSink nowhere = [this](ChunkKind kind, ByteSpan plaintext) -> Result<ChunkId> {
    return chunk_id(repository_.bundle().keys.id_key, kind, plaintext);
  };
  if (TRY(rewrite_tree(nowhere, &observer_))) result_.is_changed = true;
  return {};
}

Result<std::optional<Subtree>> Rewrite::rewrite_tree(ChunkSink sink, Observer* observer) {
  TreeRewriter rewriter(options_, split_key(repository_), reader_.source(), std::move(sink),
                        observer);
  const auto root = TRY(rewriter.rewrite(old_.snapshot.root, ""));
  result_.removed = rewriter.removed();
  return root;
}

// The new snapshot, its nodes stored.
Result<Snapshot> Rewrite::describe(const WriterSession& session) {
  Snapshot snapshot = old_.snapshot;
  snapshot.session = session.id();
  snapshot.root_record.reset();
  if (!snapshot.original) snapshot.original = old_.id;
  if (options_.host) snapshot.host = *options_.host;
  if (options_.time) snapshot.time = *options_.time;
  for (const std::string& tag : options_.add_tags) {
    if (std::ranges::find(snapshot.tags, tag) == snapshot.tags.end()) snapshot.tags.push_back(tag);
  }
  if (!options_.changes_trees()) {
    snapshot.root_record = old_.snapshot.root_record;
    return snapshot;
  }
  // The writer extends the index it is given: read from one of its own.
  LocalIndex written = TRY(LocalIndex::open("", repository_.id()));
  ChunkWriter writer(repository_, written, session.id(), options_.writer);
  const ChunkSink sink = [&](ChunkKind kind, ByteSpan plaintext) -> Result<ChunkId> {
    const ChunkId id = chunk_id(repository_.bundle().keys.id_key, kind, plaintext);
    if (index_.contains(id)) return id;
    return writer.store_tree(kind, plaintext);
  };
  if (const auto root = TRY(rewrite_tree(sink, nullptr))) snapshot.root = *root;
  snapshot.summary.bytes_processed = snapshot.root.content_bytes;
  for (const std::string& pattern : options_.excludes.patterns()) {
    if (std::ranges::find(snapshot.excludes, pattern) == snapshot.excludes.end())
      snapshot.excludes.push_back(pattern);
  }
  TRY(writer.settle());
  if (writer.has_stored()) snapshot.root_record = TRY(writer.flush(encode_root_record(snapshot)));
  return snapshot;
}

}  // namespace

Result<RewriteResult> rewrite(const Repository& repository, LocalIndex& index,
                              const StoredSnapshot& old, const RewriteOptions& options,
                              Observer& observer) {
  return Rewrite(repository, index, old, options, observer).run();
}

}  // namespace lagan
