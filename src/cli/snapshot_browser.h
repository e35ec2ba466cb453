// SPDX-License-Identifier: Apache-2.0
#pragma once

// A repository opened to look into its snapshots: what ls, find, dump, diff, stats and cat begin
// with. One thread.

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "repo/chunk_reader.h"
#include "repo/tree.h"
#include "src/cli/context.h"

namespace lagan::cli {

class SnapshotBrowser {
 public:
  // Asks for the password, lists the snapshots, loads the index. Damage is told on stderr.
  static Result<std::unique_ptr<SnapshotBrowser>> open(Context& context);

  const Repository& repository() const { return *repository_; }
  const LocalIndex& index() const { return index_; }
  const ChunkSource& source() const { return source_; }
  // For ChunkCache.
  std::function<std::uint64_t(const ChunkId&)> block_of() const {
    return [this](const ChunkId& id) { return reader_.block_of(id); };
  }

  // What `ID[:path]` names. `stored.snapshot.root` is then the folder, if it is one.
  struct Place {
    StoredSnapshot stored;
    Entry entry;
  };
  Result<Place> find(std::string_view text, const SnapshotFilter& filter) const;
  // The same, and anything but a folder is `invalid_argument`.
  Result<Place> find_folder(std::string_view text, const SnapshotFilter& filter) const;

  // The named ones, or all that match, oldest first.
  Result<std::vector<StoredSnapshot>> choose(const std::vector<std::string>& wanted,
                                             const SnapshotFilter& filter) const;

  // Counts and tells what cannot be read: for the visitors of the engine.
  std::function<void(const std::string&, const Error&)> trouble();
  // kOk, or kFailed if something could not be read.
  int exit_code() const { return errors_ == 0 && snapshots_.damaged.empty() ? kOk : kFailed; }

 private:
  SnapshotBrowser(const Context& context, std::unique_ptr<Repository> repository,
                  SnapshotList snapshots, LocalIndex index);

  const Context& context_;
  const std::unique_ptr<Repository> repository_;
  const SnapshotList snapshots_;
  const LocalIndex index_;
  ChunkReader reader_;
  const ChunkSource source_;
  std::uint64_t errors_ = 0;
};

// A path in a snapshot as the engine has it: "/a/b", or empty for the root.
std::string clean_path(const std::string& path);

}  // namespace lagan::cli
