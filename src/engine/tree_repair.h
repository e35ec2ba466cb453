// SPDX-License-Identifier: Apache-2.0
#pragma once

// Trees of which parts are lost: finds what is lost, and makes a tree that does without it. Lost
// parts of a file become holes, its entry says that it is not whole (docs/format.md, "Entries"); a
// folder that cannot be read stays as an empty one that says so. What cannot be decoded but has a
// name is kept as it stands. One thread.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "repo/derived_keys.h"
#include "repo/tree.h"

namespace lagan {

class TreeRepair {
 public:
  using HasData = std::function<bool(const Slice&)>;
  using Tell = std::function<void(const std::string& path, const std::string& what)>;

  // `has_data`: is the chunk of this slice there, and long enough? Nodes are read by `source`; an
  // error of it that says nothing about the node (the storage is away) ends the work.
  TreeRepair(const PrfKey& split_key, ChunkSource source, HasData has_data);
  TreeRepair(const TreeRepair&) = delete;
  TreeRepair& operator=(const TreeRepair&) = delete;

  // Tells everything below that is lost; true if nothing is.
  Result<bool> scan(const Subtree& subtree, const Tell& tell);

  // The same tree without what is lost, its new nodes stored by `sink`. Nothing if its top node is
  // lost.
  Result<std::optional<Subtree>> mend(const Subtree& subtree, const ChunkSink& sink);

 private:
  Result<bool> scan_folder(const ChunkId& id, const std::string& path, std::size_t depth,
                           const Tell& tell);
  Result<bool> scan_entry(std::string_view message, const std::string& path, std::size_t depth,
                          const Tell& tell);
  Result<bool> has_content(const Entry& entry);
  bool has_xattr(const Xattr& xattr) const;
  Result<std::optional<Subtree>> mend_folder(const ChunkId& id, std::size_t depth,
                                             const ChunkSink& sink, bool& is_partial);
  Result<void> mend_entry(Entry& entry, std::size_t depth, const ChunkSink& sink);
  Result<void> mend_content(Entry& entry, const ChunkSink& sink);
  Result<void> mend_list(const ChunkId& id, std::uint64_t length,
                         std::optional<std::uint32_t> level,
                         const std::function<Result<void>(const Slice&)>& add);
  Result<void> walk(const ChunkId& folder,
                    const std::function<Result<void>(std::string_view)>& each,
                    std::optional<std::string>& lost) const;

  const PrfKey split_key_;
  const ChunkSource source_;
  const HasData has_data_;
  std::unordered_set<ChunkId> whole_;  // folders and lists of which nothing is lost
  mutable std::optional<Error> storage_error_;
};

// Does the error mean that an object or a part of it is lost, and not that the storage is away?
bool is_loss(const Error& error);

}  // namespace lagan
