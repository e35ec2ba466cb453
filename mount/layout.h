// SPDX-License-Identifier: Apache-2.0
#pragma once

// What stands above the snapshots in a mount: folders by id, host, tag and time, links to the
// latest, a thinned view of the times. Made anew when the snapshots have changed, and never
// changed.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "mount/node_table.h"
#include "repo/snapshots.h"

namespace lagan {

struct LayoutOptions {
  // Where each snapshot shows. %i short and %I whole id, %u user, %h host, %T time, %t tag: then it
  // shows once for each of its tags, and not at all without.
  std::vector<std::string> path_templates = default_path_templates();
  // For %T, as strftime(3) has it, in the snapshot's own time zone; %:z is "+01:00". A '/' makes
  // folders.
  std::string time_template = "%Y-%m-%dT%H:%M:%S%:z";
  bool with_views = true;  // versions/ and time-machine/
  bool gmt_names = false;  // @GMT-2026.11.20-14.00.03 at the top, for Samba

  static std::vector<std::string> default_path_templates();
};

// Go's way to write a time layout ("2006-01-02T15:04:05Z07:00"), which restic takes, as strftime's.
// What is none comes back as it is.
std::string from_go_layout(std::string_view layout);

// `time` in the snapshot's own zone.
std::string format_snapshot_time(const Snapshot& snapshot, const std::string& time_template);

class Layout {
 public:
  static constexpr NodeId kRoot = 1;

  enum class Kind { folder, link, snapshot, versions };
  struct Place {
    Kind kind = Kind::folder;
    NodeId id = 0, parent = 0;
    std::string target;                                 // of a link
    std::size_t snapshot = 0;                           // its place in the list
    std::vector<std::pair<std::string, NodeId>> names;  // in a folder, sorted
  };

  // Everything that the options ask for. Ids are the same for the same paths in this repository.
  Layout(const std::vector<StoredSnapshot>& snapshots, const LayoutOptions& options,
         const Numbers& numbers);
  // One snapshot alone.
  static Layout of_one(std::size_t snapshot);

  // Null if there is none.
  const Place* find(NodeId id) const;
  static const std::pair<std::string, NodeId>* find_name(const Place& folder,
                                                         std::string_view name);

 private:
  Layout() = default;
  class Builder;
  std::unordered_map<NodeId, Place> places_;
};

}  // namespace lagan
