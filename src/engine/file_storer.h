// SPDX-License-Identifier: Apache-2.0
#pragma once

// Turns one regular file of the source into a finished entry: open, attributes, content, and a
// second look for changes while it was read. Of a file that is read again only to compare, what was
// saved stays if what is read differs. Devices and pipes can be read as if they were files: these
// are read once, to their end. One thread each.

#include "src/engine/content_reader.h"
#include "src/engine/folder_task.h"
#include "src/engine/observer.h"
#include "src/engine/walker.h"

namespace lagan {

class FileStorer {
 public:
  // `stored` reads what earlier runs saved.
  FileStorer(const ContentContext& context, ChunkWriter::Lane& lane, Observer& observer,
             OwnerNames& owners, ChunkSource stored)
      : content_(context, lane), observer_(observer), owners_(owners), stored_(std::move(stored)) {}

  // Completes the job in its folder. Source trouble is reported; an error is the repository's.
  Result<void> store(const FileJob& job);

 private:
  struct Attempt {
    std::optional<DoneEntry> entry;  // nothing: the file is gone
    bool was_read = true;            // false: the entry only says that it could not be
    std::optional<Error> source_error;
    bool changed_meanwhile = false;
  };
  Result<Attempt> attempt(const FileJob& job, bool is_last);
  Result<Attempt> attempt_special(const FileJob& job);
  // Nothing of it can be read.
  Attempt unreadable(const FileJob& job, Error error);
  Result<void> read_attributes(int descriptor, Entry& entry, std::optional<Error>& source_error);
  // Is what was read now into `entry` what was saved? An error is of what is stored.
  Result<bool> reads_as_saved(int descriptor, const Entry& entry, const Entry& saved) const;
  // What is wrong with a file that was read again to compare. Its entry keeps what was saved,
  // unless that cannot be read.
  std::optional<Error> compare(int descriptor, const SavedFile& known, const Entry& saved,
                               Entry& entry, ContentReader::Outcome& outcome) const;

  ContentReader content_;
  Observer& observer_;
  OwnerNames& owners_;
  const ChunkSource stored_;
};

}  // namespace lagan
