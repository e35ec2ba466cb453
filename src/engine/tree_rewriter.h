// SPDX-License-Identifier: Apache-2.0
#pragma once

// Makes a tree that lacks some entries of another one. Goes through each directory once to see what
// changes in it and below it, and once more, if something does, to write it; directories in which
// nothing can match are not read. Entries keep all their bytes but those that name chunks. One
// thread.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "crypto/prf.h"
#include "repo/tree.h"
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
  Judgement judge(const FolderRules& rules, const std::string& path, const Entry& entry) const;
  bool may_change_below(const std::string& folder) const;
  Result<std::optional<Subtree>> rewrite_folder(const Subtree& folder, const std::string& path,
                                                const FolderRules& rules);
  Result<void> look_at(std::string_view message, const std::string& folder,
                       const FolderRules& rules, Subtree& total, std::vector<Change>& changes);
  void drop(const Entry& entry, const std::string& path);
  Result<std::optional<ChunkId>> write(const ChunkId& top, const std::vector<Change>& changes);

  const RewriteFilter& filter_;
  const PrfKey split_key_;
  const ChunkSource source_, known_;
  const ChunkSink sink_;
  const std::function<bool()> is_stopped_;
  Observer* const observer_;
  std::size_t depth_ = 0;
  Subtree removed_;
};

}  // namespace lagan
