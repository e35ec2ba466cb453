// SPDX-License-Identifier: Apache-2.0
#pragma once

// Writes trees of one repository anew in another that gives chunks other ids and splits directories
// elsewhere. Content is there already; `ids` tells what it is called there, and remembers nodes
// that were translated. Entries keep all their bytes but those that name chunks. Folders may nest
// deeper than a thread's stack. One thread.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "repo/chunk_reader.h"
#include "repo/derived_keys.h"
#include "repo/tree.h"
#include "src/engine/directory_cursor.h"
#include "src/engine/id_map.h"

namespace lagan {

class TreeTranslator {
 public:
  // Borrows `from_index` and `ids`.
  TreeTranslator(const Repository& from, const LocalIndex& from_index, const Repository& to,
                 IdMap& ids, ChunkSink sink, std::function<bool()> is_stopped);

  // The same subtree there.
  Result<Subtree> translate(const Subtree& root);

 private:
  // A folder that is being translated, and what it is in the one around it.
  struct Folder {
    ChunkId id;
    DirectoryCursor cursor;
    DirectoryBuilder builder;
    std::string path;
    Entry entry;
    std::string message;
    std::string place() const { return path.empty() ? "/" : path; }
  };
  Folder open(const ChunkId& id, std::string path) const;
  Result<std::optional<Folder>> look_at(std::string_view message, Folder& here);
  static Result<void> add(Folder& here, const Entry& entry, std::string_view message);
  Result<ChunkId> finish(Folder& folder);
  Result<void> translate_list(Entry& entry);
  Result<void> translate_slices(std::vector<Slice>& slices);
  Result<std::optional<ChunkId>> known(const ChunkId& id) const;
  Result<void> note(const ChunkId& id, const ChunkId& there);

  const LocalIndex& from_index_;
  ChunkReader reader_;
  const ChunkSource source_;
  const PrfKey split_key_;
  IdMap& ids_;
  const ChunkSink sink_;
  const std::function<bool()> is_stopped_;
};

}  // namespace lagan
