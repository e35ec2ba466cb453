// SPDX-License-Identifier: Apache-2.0
#pragma once

// The folders of a restore's target, as the way down the snapshot's tree leads through them: found
// or made only once something in them is wanted, rid of what the snapshot does not have, and given
// their attributes when nothing more changes in them. One thread.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "repo/tree.h"
#include "src/engine/attributes.h"
#include "src/engine/extra_entries.h"
#include "src/engine/observer.h"
#include "src/engine/overwrite.h"
#include "src/engine/source_entry.h"
#include "src/engine/written_systems.h"
#include "util/file.h"
#include "util/result.h"

namespace lagan {

struct TargetLevel {
  TargetLevel* parent = nullptr;  // none: the target itself
  Entry entry;
  std::string path;                      // in the snapshot, below the restored root
  bool is_wanted = true;                 // false: it only leads to what is
  std::shared_ptr<const File> folder{};  // none: it is not there (yet)
  bool is_looked_for = false;
  bool is_pristine = false;  // new: nothing is in it, nor does it hand anything down
  bool is_left = false;      // something else has its name and stays
  bool is_complete = true;   // all its entries could be read
  std::string last_name{};   // of its entries so far
  bool last_is_listed = true;
  std::optional<ExtraEntries> extras{};
  // What its entries have met or made so far, by what tells files apart. Not needed in a new
  // folder, where everything is made under a name that must be free.
  std::unordered_set<std::uint64_t> taken{};
  std::string last_asked{};
  std::optional<std::vector<std::string>> names{};  // what was there when they were needed first
};

class TargetLevels {
 public:
  struct Context {
    Overwrite overwrite = Overwrite::always;
    bool dry_run = false;
    Removal removal;
    std::function<void(const TargetLevel&)> left;  // what has its name stays
    std::function<void(const std::string& path, ItemChange change)> item;
    std::function<void(const std::string& note)> note;
    std::function<void(const std::string& path, const Error& error)> trouble;
  };
  // Borrows `attributes`.
  TargetLevels(Context context, const AttributeOptions& attributes)
      : context_(std::move(context)), attributes_(attributes) {}

  // Opens the target, and makes it unless that is only pretended. A dry run may find none.
  Result<void> open_target(TargetLevel& root, const std::string& path);
  // -1 if there is none.
  int target() const { return target_.descriptor(); }

  // Opens the folder on disk if it is there; else, if it is to be made, makes it.
  Result<void> reach(TargetLevel& level, bool make);

  // What has a name in a folder now. New folders need no look.
  // An error: another entry of the same folder has that already, for here their names are the same.
  static Result<std::optional<SourceStatus>> occupant(TargetLevel& level, const std::string& name);
  // This was made, or will get a name, in the folder.
  static void take(TargetLevel& level, const Result<SourceStatus>& made);

  // Before anything is put into the folder: notes what is there, if such may be deleted.
  void list_extra(TargetLevel& level);
  // Once all its entries are known: removes what is none of them.
  void delete_extra(TargetLevel& level);

  // Gives folders their attributes, the deepest first.
  void finish();
  // Waits until all that was written lies on the disk.
  Result<void> sync() const { return written_.sync(); }

 private:
  struct Made {
    std::string path;
    Entry entry;
    Bearer bearer;
  };
  Result<void> enter(TargetLevel& level, const std::optional<SourceStatus>& there);
  bool may_delete_in(const TargetLevel& level) const;

  const Context context_;
  const AttributeOptions& attributes_;
  File target_;
  std::uint64_t device_ = 0;  // of the target
  WrittenSystems written_;
  std::vector<Made> made_;
};

}  // namespace lagan
