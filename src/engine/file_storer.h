// SPDX-License-Identifier: Apache-2.0
#pragma once

// Turns one regular file of the source into a finished entry: open, attributes, content, and a
// second look for changes while it was read. One thread each.

#include "src/engine/content_reader.h"
#include "src/engine/folder_task.h"
#include "src/engine/observer.h"
#include "src/engine/walker.h"

namespace lagan {

class FileStorer {
 public:
  FileStorer(const ContentContext& context, ChunkWriter::Lane& lane, Observer& observer,
             OwnerNames& owners)
      : content_(context, lane), observer_(observer), owners_(owners) {}

  // Completes the job in its folder. Source trouble is reported; an error is the repository's.
  Result<void> store(const FileJob& job);

 private:
  struct Attempt {
    std::optional<DoneEntry> entry;  // nothing: the file cannot be opened
    std::optional<Error> source_error;
    bool changed_meanwhile = false;
  };
  Result<Attempt> attempt(const FileJob& job, bool is_last);

  ContentReader content_;
  Observer& observer_;
  OwnerNames& owners_;
};

}  // namespace lagan
