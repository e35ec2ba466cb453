// SPDX-License-Identifier: Apache-2.0
#include "src/engine/explain.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "src/engine/source_folder.h"
#include "src/engine/walker.h"

namespace lagan {
namespace {

constexpr const char* kLeadsOn = "it leads to a path that is named";

bool lies_in(const std::string& path, const std::string& folder) {
  return folder == "/" || path == folder || path.starts_with(folder + "/");
}

// Goes down from a target, which is kept, to the path in question.
class WayDown {
 public:
  WayDown(const Filter& filter, const Filter::Note& note) : filter_(filter), note_(note) {}

  // Nothing leaves the path out: by which rule it is kept, or "".
  Result<Explanation> go(const std::string& target, const std::string& path) {
    std::string here = target;
    rules_ = filter_.above(target);
    Decision decision;
    device_ = TRY_IN(target, source_status(AT_FDCWD, target.c_str())).device;
    while (here != path) {
      const std::size_t from = here == "/" ? 1 : here.size() + 1;
      const std::string next = path.substr(0, path.find('/', from));
      if (auto closed = TRY(enter(here, decision, here == target, next.substr(from)))) {
        return Explanation{false, path, fmt::format("{} ({})", *closed, here)};
      }
      here = next;
      const SourceStatus status = TRY_IN(here, source_status(AT_FDCWD, here.c_str()));
      decision = filter_.judge(rules_, here, status);
      const std::string at = here == path ? "" : fmt::format(" ({})", here);
      if (decision.fate == Decision::Fate::leave_out)
        return Explanation{false, path, std::string(decision.why()) + at};
      if (filter_.one_file_system() && status.device != device_ && here != path)
        return Explanation{false, path, fmt::format("--one-file-system ({})", here)};
    }
    if (path == target) return Explanation{true, path, "it is named"};
    if (decision.fate == Decision::Fate::search) {
      return Explanation{false, path,
                         fmt::format("{}, unless something in it is kept", decision.why())};
    }
    return Explanation{true, path,
                       decision.rule != nullptr ? decision.rule->origin : "no rule leaves it out"};
  }

 private:
  // Makes the rules those of the folder's entries, or says why its content is left out, and with it
  // the entry `next`.
  Result<std::optional<std::string>> enter(const std::string& path, const Decision& decision,
                                           bool is_target, const std::string& next) {
    const File folder =
        (is_target ? open_folder_behind : open_source_folder)(AT_FDCWD, path.c_str());
    if (!folder.is_open()) return fail(system_error("open " + path, errno));
    const SourceStatus status = TRY(source_status(folder.descriptor(), ""));
    const std::vector<std::string> names = TRY(list_names(folder.descriptor()));
    if (!is_target) {
      const auto why = filter_.why_closed(folder.descriptor(), path, status, device_);
      if (!why.empty()) return std::optional(fmt::format("it is {}", why));
      const FolderMarker* marker = filter_.marker_in(folder.descriptor(), names);
      if (marker != nullptr && marker->name != next) return std::optional(marker->origin);
    }
    device_ = status.device;
    rules_ = filter_.inside(rules_, decision, folder.descriptor(), path, names, note_);
    return std::optional<std::string>();
  }

  const Filter& filter_;
  const Filter::Note& note_;
  FolderRules rules_;
  std::uint64_t device_ = 0;
};

}  // namespace

Result<Explanation> explain(const FilterOptions& options, const std::vector<std::string>& targets,
                            const std::string& path, const Filter::Note& note) {
  const Filter filter = TRY(Filter::create(options));
  const std::string wanted = TRY(normalise_target(path));
  TRY_IN(wanted, source_status(AT_FDCWD, wanted.c_str()));
  std::string nearest;
  bool leads_on = false;
  for (const std::string& each : targets) {
    const std::string target = TRY(normalise_target(each));
    if (lies_in(wanted, target) && target.size() > nearest.size()) nearest = target;
    leads_on = leads_on || lies_in(target, wanted);
  }
  if (targets.empty()) nearest = "/";
  if (nearest.empty()) {
    return Explanation{leads_on, wanted, leads_on ? kLeadsOn : "it lies in no path that is named"};
  }
  const UntouchablePlaces places(options.own_folders);
  const auto own = places.own_place_of(wanted);
  if (!own.empty()) return Explanation{false, wanted, fmt::format("it is {}", own)};
  Explanation found = TRY(WayDown(filter, note).go(nearest, wanted));
  // No rule takes away a folder in which something is named.
  if (!found.is_kept && leads_on) return Explanation{true, wanted, kLeadsOn};
  return found;
}

}  // namespace lagan
