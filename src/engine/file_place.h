// SPDX-License-Identifier: Apache-2.0
#pragma once

// Decides where the content of one file goes: into a new file, into the one that is there (only
// blocks that differ are written), or into one that takes its place when it is complete.

#include <memory>
#include <optional>

#include "repo/local_index.h"
#include "repo/repository.h"
#include "src/engine/restored_file.h"
#include "src/engine/source_entry.h"

namespace lagan {

enum class Held { none, some, all };

class FilePlacer {
 public:
  FilePlacer(const Repository& repository, const LocalIndex& index, ChunkSource source, bool sparse)
      : id_key_(repository.bundle().keys.id_key),
        index_(index),
        source_(std::move(source)),
        sparse_(sparse) {}

  // How much of an entry's content is in this file already. Of a long file that holds some of it
  // the rest is looked at only if `thorough`.
  Held compare(int descriptor, std::uint64_t size, const Entry& entry, bool thorough) const;

  // The file `there`, which is what `entry.name` is in `folder`, with one name only.
  Result<RestoredFilePlace> over_file(const std::shared_ptr<const File>& folder, const Entry& entry,
                                      const SourceStatus& there) const;
  // Whatever `there`, which has the name of the entry, is, but for a folder. Nothing has it yet if
  // that is nothing.
  static Result<RestoredFilePlace> instead(const std::shared_ptr<const File>& folder,
                                           const Entry& entry,
                                           const std::optional<SourceStatus>& there);
  // Nothing has the name.
  static Result<RestoredFilePlace> anew(int folder, const Entry& entry);

 private:
  bool holds(int descriptor, std::uint64_t offset, const Slice& slice) const;

  const SecretKey& id_key_;
  const LocalIndex& index_;
  const ChunkSource source_;
  const bool sparse_;
};

// Opened to look only, without following or waiting.
File open_to_look(int folder, const std::string& name);

}  // namespace lagan
