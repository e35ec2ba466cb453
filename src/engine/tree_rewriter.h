// SPDX-License-Identifier: Apache-2.0
#pragma once

// Makes a tree that lacks some entries of another one. Goes through each directory once to see what
// changes in it and below it, and once more, if something does, to write it; directories in which
// nothing can match are not read. Entries keep all their bytes but those that name chunks. Folders
// may nest deeper than a thread's stack. One thread.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "repo/derived_keys.h"
#include "repo/tree.h"
#include "src/engine/directory_cursor.h"
#include "src/engine/filter.h"
#include "src/engine/observer.h"
#include "src/engine/restore_filter.h"

namespace lagan {

// What goes: what `excludes` leaves out or, if there are any, what no include matches.
struct RewriteFilter {
  Filter excludes;
  RestoreFilter includes;

  bool is_empty() const { return includes.is_empty() && excludes.keeps_all_in({}); }
};

class TreeRewriter {
 public:
  // Borrows `filter`. Told what goes is `observer`, if it is not null.
  TreeRewriter(const RewriteFilter& filter, const PrfKey& split_key, ChunkSource source,
               ChunkSink sink, std::function<bool()> is_stopped, Observer* observer);

  // What the tree becomes; nothing if it stays as it is.
  Result<std::optional<Subtree>> rewrite(const Subtree& root);

  // How much went, in all.
  const Subtree& removed() const { return removed_; }

 private:
  // What is to become of an entry and, if it is a folder, the rules for what lies in it.
  struct Judgement {
    Decision::Fate fate = Decision::Fate::keep;
    FolderRules inside;
  };
  // What an entry of a folder becomes; without a message it goes.
  struct Change {
    std::string name, message;
  };
  // A folder that is being gone through, and what it is in the one around it.
  struct Folder {
    ChunkId id;
    DirectoryCursor cursor;
    std::string path;
    Judgement judgement;
    Entry entry;
    std::string message;
    Subtree total = {};  // of what stays
    std::vector<Change> changes = {};
    std::string place() const { return path.empty() ? "/" : path; }
  };
  Judgement judge(const FolderRules& rules, const std::string& path, const Entry& entry) const;
  bool may_change_below(const std::string& folder) const;
  Folder open(const ChunkId& id, std::string path) const;
  Result<std::optional<Folder>> look_at(std::string_view message, Folder& here);
  void settle(Folder& here, const Entry& entry, std::string_view message, Decision::Fate fate,
              bool is_changed);
  Result<std::optional<Subtree>> finish(Folder& folder);

  const RewriteFilter& filter_;
  const PrfKey split_key_;
  const ChunkSource source_, known_;
  const ChunkSink sink_;
  const std::function<bool()> is_stopped_;
  Observer* const observer_;
  Subtree removed_;
};

}  // namespace lagan
