// SPDX-License-Identifier: Apache-2.0
#pragma once

// The names of files that have several. The first that is restored stands for the file, and the
// others are linked to it: at the end, if it gets its own only when it is complete. One thread.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "repo/tree.h"
#include "src/engine/restored_file.h"
#include "src/engine/source_entry.h"
#include "util/result.h"

namespace lagan {

class HardLinks {
 public:
  explicit HardLinks(const RestoredFileContext& context) : context_(context) {}

  // Is this another name of a file that has its first one? If not, it becomes the first of its
  // group. Entries that claim one group but differ in kind or content are files of their own.
  bool is_further_name(const Entry& entry, const std::string& path);
  // Links a further name in `folder`, now or at the end. False: the first one is missing, and this
  // takes its place.
  Result<bool> link(int target, int folder, const Entry& entry, const std::string& path,
                    const std::optional<SourceStatus>& there);
  // The file is about to be restored to this place, which is told what its other names need. Null
  // if it is not the one that stands for its names.
  std::shared_ptr<OtherNames> expect_others(const Entry& entry, const std::string& path,
                                            RestoredFilePlace& place);
  // This name is none that others can be linked to: the next one will be.
  void pass_over(const Entry& entry, const std::string& path);

  // When all files are complete: the further names of those that have got their own by now, and
  // what keeps a file from getting any.
  void finish(int target);

 private:
  struct First {
    std::string path;
    std::string content;      // encoded
    bool is_pending = false;  // it gets its name only when it is complete
    std::shared_ptr<OtherNames> others = std::make_shared<OtherNames>();
  };
  struct Link {
    std::string path;
    std::uint64_t group;
    bool is_taken;  // something had the name, which it replaces
  };
  struct Flags {
    std::string path;
    Entry entry;
    Bearer bearer;
  };
  First* first_of(const Entry& entry, const std::string& path);
  Result<void> link_now(const First& first, int target, int folder, const std::string& path,
                        const std::optional<SourceStatus>& there);
  void set_flags(int target, const Flags& flags);

  const RestoredFileContext& context_;
  std::unordered_map<std::uint64_t, First> firsts_;  // by group
  std::vector<Link> links_to_make_;
  std::vector<Flags> flags_to_set_;
};

}  // namespace lagan
