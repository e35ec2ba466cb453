// SPDX-License-Identifier: Apache-2.0
#pragma once

// The part of a check that walks trees. Every directory node is read once, however many snapshots
// share it; content is only looked up. One thread.

#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "repo/chunk_reader.h"
#include "repo/snapshots.h"
#include "repo/tree.h"
#include "src/engine/check_log.h"
#include "src/engine/trial_restore.h"

namespace lagan {

class TreeCheck {
 public:
  // Borrows all of them.
  TreeCheck(const Repository& repository, const LocalIndex& index, const KnownDamage& damage,
            const std::function<bool()>& is_stopped, TrialRestore& trial, CheckLog& log);

  // What only an unverified snapshot lacks is a warning: so those come last.
  Result<void> check(const StoredSnapshot& stored);

  std::uint64_t nodes() const { return nodes_; }
  std::uint64_t files() const { return files_; }

 private:
  // What the entries of a directory, or of a part of it, add up to.
  struct Totals {
    std::uint64_t files = 0, dirs = 0, content_bytes = 0;
    bool complete = true;  // false: a part of it could not be read
    void add(const Totals& other);
  };
  // A node of a directory that takes several.
  struct Part {
    Totals totals;
    std::uint64_t entries = 0;
    std::uint32_t level = 0;
    std::string first_name, last_name;
  };
  struct Folder {
    Subtree claimed;
    std::string path;
    std::size_t depth = 0;
  };

  Result<void> check_folder(const Folder& folder);
  Result<std::optional<Part>> check_node(const ChunkId& id, const Folder& folder);
  Result<void> check_children(const DirectoryNode& node, const Folder& folder, Part& part);
  Result<void> check_entry(std::string_view message, const Folder& folder, Part& part);
  Result<void> check_content(const Entry& entry);
  Result<void> check_slice(const Slice& slice) const;
  Result<void> check_root_record(const StoredSnapshot& stored);
  Result<Bytes> load(const ChunkId& id, ChunkKind kind);
  void report(const std::string& path, const std::string& what);
  void compare(const Folder& folder, const Totals& totals);

  const LocalIndex& index_;
  const KnownDamage& damage_;
  const std::function<bool()>& is_stopped_;
  TrialRestore& trial_;  // draws from the files in which nothing is missing
  CheckLog& log_;
  ChunkReader reader_;
  ChunkSource list_source_;
  std::unordered_map<ChunkId, Totals> folders_;       // by the top node
  std::unordered_map<ChunkId, Part> parts_;           // nodes below a top node
  std::unordered_map<ChunkId, std::uint64_t> lists_;  // content lists and their length
  std::vector<Folder> pending_;
  std::string snapshot_;  // the one that is walked, and what its trouble amounts to
  Severity severity_ = Severity::error;
  std::uint64_t nodes_ = 0, files_ = 0;
};

}  // namespace lagan
