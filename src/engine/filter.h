// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which entries a backup leaves out, asked from the top down: judge() each entry of a folder, open
// what is a folder and ask why_closed(), list it and ask marker_in(), then go on with the rules
// that hold inside(). Patterns are those of .gitignore: of all that match an entry itself the last
// one decides, `!` takes back, and what no pattern matches shares the fate of its folder. A folder
// that is left out is still searched if a later `!` may match below it. Patterns of the command
// line come after those of .laganignore files, these after .gitignore, the inner file after the
// outer. Immutable once made; any thread.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "src/engine/folder_markers.h"
#include "src/engine/path_pattern.h"
#include "src/engine/pattern_rules.h"
#include "src/engine/source_entry.h"
#include "src/engine/untouchable_places.h"
#include "util/result.h"

namespace lagan {

struct FilterOptions {
  std::vector<PatternFlag> patterns;            // as they came: the last that matches decides
  std::vector<std::string> exclude_if_present;  // NAME or NAME:HEADER
  bool exclude_caches = false;                  // folders with a CACHEDIR.TAG
  bool exclude_nodump = false;                  // what has the nodump flag (chattr +d)
  bool git_ignore = false;                      // obey .gitignore
  bool one_file_system = false;
  std::uint64_t larger_than = 0;  // 0: no limit
  std::vector<OwnFolder> own_folders;
};

struct Decision {
  enum class Fate {
    keep,
    leave_out,
    search,  // a folder that is left out, but something below may be kept
  };
  Fate fate = Fate::keep;
  const PatternRule* rule = nullptr;  // that decided, if a pattern did
  std::string_view reason = {};       // else the flag

  std::string_view why() const { return rule != nullptr ? std::string_view(rule->origin) : reason; }
};

// The patterns that hold in one folder beside those that hold everywhere.
struct FolderRules {
  IgnoreFiles own, git;                   // inner first
  const PatternRule* covering = nullptr;  // that leaves the folder itself out
};

class Filter {
 public:
  using Note = std::function<void(std::string)>;

  static Result<Filter> create(const FilterOptions& options);

  // Does judge() always keep?
  bool keeps_all_in(const FolderRules& rules) const {
    return rules_.empty() && !rules.own && !rules.git && larger_than_ == 0 && !exclude_nodump_;
  }
  // The fate of one entry of the folder in which `rules` hold.
  Decision judge(const FolderRules& rules, std::string_view path, const SourceStatus& status) const;

  // Could it leave out something below this folder that it keeps? False only if surely not. Ignore
  // files are not looked at.
  bool may_leave_out_below(std::string_view folder) const;

  // Why the content of an open folder is none of a backup's business, or "". `device` is that of
  // the folder around it.
  std::string_view why_closed(int folder, std::string_view path, const SourceStatus& status,
                              std::uint64_t device) const;
  // The mark that leaves the content of the open folder out, or null.
  const FolderMarker* marker_in(int folder, const std::vector<std::string>& names) const;

  // The rules for the entries of the open folder `path`, which itself has met `fate`.
  FolderRules inside(const FolderRules& outer, const Decision& fate, int folder,
                     const std::string& path, const std::vector<std::string>& names,
                     const Note& note) const;
  // The rules for the entries of `path` if the user names one: ignore files above count, but
  // nothing leaves it out.
  FolderRules on_the_way(const FolderRules& outer, int folder, const std::string& path,
                         const Note& note) const;

  // The rules for the target `path` itself: of the ignore files in the folders above it.
  FolderRules above(const std::string& path) const;

  bool one_file_system() const { return one_file_system_; }

 private:
  explicit Filter(const FilterOptions& options);
  template <typename Visit>
  void visit_rules(const FolderRules& rules, const PatternRule* until, std::string_view path,
                   Visit visit) const;
  FolderRules with_ignore_files(FolderRules rules, int folder, const std::string& path,
                                const std::function<bool(const char*)>& has_name,
                                const Note& note) const;

  std::vector<PatternRule> rules_;
  std::vector<FolderMarker> markers_;
  UntouchablePlaces places_;
  bool exclude_nodump_ = false, git_ignore_ = false, one_file_system_ = false;
  std::uint64_t larger_than_ = 0;
};

}  // namespace lagan
