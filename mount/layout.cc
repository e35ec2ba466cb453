// SPDX-License-Identifier: Apache-2.0
#include "mount/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <iomanip>
#include <locale>
#include <set>
#include <sstream>

#include "util/hex.h"

namespace lagan {
namespace {

// What people and programs wrote, as one name.
std::string as_name(std::string text) {
  for (char& c : text) {
    if (c == '/' || c == '\0') c = '_';
  }
  if (text.empty() || text == "." || text == "..") return "_";
  constexpr std::size_t kNameBytes = 255;
  return text.substr(0, kNameBytes);
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size())
    text.replace(at, from.size(), to);
}

std::vector<std::string> components_of(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    if (const std::string_view part = path.substr(0, slash); !part.empty())
      parts.push_back(as_name(std::string(part)));
    path = slash == path.npos ? std::string_view() : path.substr(slash + 1);
  }
  return parts;
}

constexpr const char* kByTime = "%Y/%m/%d/%H.%M.%S";

// Whether the last name of such paths is a time, so that one of them is the latest.
bool ends_with_time(const std::string& path_template) { return path_template.ends_with("%T"); }

}  // namespace

std::vector<std::string> LayoutOptions::default_path_templates() {
  return {"ids/%i", "snapshots/%T", "hosts/%h/%T", "tags/%t/%T"};
}

std::string from_go_layout(std::string_view layout) {
  std::string text(layout);
  if (text.find('%') != text.npos || text.find("2006") == text.npos) return text;
  for (const auto& [go, strftime] : {std::pair{"2006", "%Y"},
                                     {"January", "%B"},
                                     {"Jan", "%b"},
                                     {"Monday", "%A"},
                                     {"Mon", "%a"},
                                     {"Z07:00", "%:z"},
                                     {"-07:00", "%:z"},
                                     {"Z0700", "%z"},
                                     {"-0700", "%z"},
                                     {"MST", "%z"},
                                     {"15", "%H"},
                                     {"01", "%m"},
                                     {"02", "%d"},
                                     {"03", "%I"},
                                     {"04", "%M"},
                                     {"05", "%S"},
                                     {"06", "%y"},
                                     {"PM", "%p"}})
    replace_all(text, go, strftime);
  return text;
}

std::string format_snapshot_time(const Snapshot& snapshot, const std::string& time_template) {
  constexpr Nanoseconds kSecond = 1'000'000'000;
  const int offset = snapshot.utc_offset_minutes;
  Nanoseconds seconds = snapshot.time / kSecond;
  if (snapshot.time % kSecond < 0) --seconds;
  const std::time_t local = seconds + std::time_t{offset} * 60;
  std::tm parts{};
  if (::gmtime_r(&local, &parts) == nullptr) return "unknown";
  const char sign = offset < 0 ? '-' : '+';
  const int hours = std::abs(offset) / 60, minutes = std::abs(offset) % 60;
  std::string pattern = time_template;
  replace_all(pattern, "%:z", fmt::format("{}{:02}:{:02}", sign, hours, minutes));
  replace_all(pattern, "%z", fmt::format("{}{:02}{:02}", sign, hours, minutes));
  std::ostringstream text;
  text.imbue(std::locale::classic());
  text << std::put_time(&parts, pattern.c_str());
  return text.str();
}

// Puts names into folders, making those on the way.
class Layout::Builder {
 public:
  Builder(Layout& layout, const std::vector<StoredSnapshot>& snapshots,
          const LayoutOptions& options, const Numbers& numbers)
      : layout_(layout),
        snapshots_(snapshots),
        options_(options),
        numbers_(numbers),
        paths_(snapshots.size()) {
    Place root;
    root.id = root.parent = kRoot;
    layout_.places_.emplace(kRoot, std::move(root));
  }

  void add_templates() {
    for (const std::string& path : options_.path_templates) {
      for (std::size_t i = 0; i < snapshots_.size(); ++i) {
        if (path.find("%t") == path.npos) {
          add_snapshot(path, options_.time_template, i, "");
        } else {
          for (const std::string& tag : snapshots_[i].snapshot.tags)
            add_snapshot(path, options_.time_template, i, tag);
        }
      }
    }
    for (std::size_t i = 0; i < snapshots_.size(); ++i)
      add_snapshot("by-time/%T-%i", kByTime, i, "");
  }

  void add_latest() {
    for (const auto& [folder, name] : latest_) add_link(place_of(folder), "latest", name);
    if (!snapshots_.empty()) add_link(root(), "latest", paths_.back());
  }

  void add_gmt_names() {
    for (std::size_t i = 0; i < snapshots_.size(); ++i) {
      Snapshot utc = snapshots_[i].snapshot;
      utc.utc_offset_minutes = 0;
      const auto name = [&] { return format_snapshot_time(utc, "@GMT-%Y.%m.%d-%H.%M.%S"); };
      // Samba knows no other names: the next second that is free, if two are of one.
      while (names_[root().id].contains(name())) utc.time += 1'000'000'000;
      add_place(root(), name(), Kind::snapshot, i);
    }
  }

  void add_views() {
    add_place(root(), "versions", Kind::versions, 0);
    for (const auto& [name, bucket] : {std::pair{"hourly", "%Y-%m-%d %H"},
                                       {"daily", "%Y-%m-%d"},
                                       {"weekly", "%G-%V"},
                                       {"monthly", "%Y-%m"},
                                       {"yearly", "%Y"}})
      add_thinned(name, bucket);
  }

 private:
  using Names = std::map<std::string, NodeId>;

  Place& root() { return layout_.places_.at(kRoot); }
  Place& place_of(NodeId id) { return layout_.places_.at(id); }

  // Under this name or one with a number behind it.
  Place& add_place(Place& folder, const std::string& wanted, Kind kind, std::size_t snapshot) {
    Names& names = names_[folder.id];
    std::string name = wanted;
    for (int i = 1; names.contains(name); ++i) name = fmt::format("{}-{}", wanted, i);
    Place place;
    place.kind = kind;
    // What is in a snapshot is never taken for what is in another one that has its name later.
    const SnapshotId id = kind == Kind::snapshot ? snapshots_[snapshot].id : SnapshotId();
    place.id = numbers_.of('l', folder.id, to_hex(id.bytes) + name);
    place.parent = folder.id;
    place.snapshot = snapshot;
    names[name] = place.id;
    folder.names.emplace_back(name, place.id);
    return layout_.places_.emplace(place.id, std::move(place)).first->second;
  }

  void add_link(Place& folder, const std::string& name, const std::string& target) {
    if (!names_[folder.id].contains(name)) add_place(folder, name, Kind::link, 0).target = target;
  }

  Place& folder_in(Place& above, const std::string& name) {
    const Names& names = names_[above.id];
    std::string free = name;
    for (int i = 1; names.contains(free); ++i) {
      Place& there = place_of(names.at(free));
      if (there.kind == Kind::folder) return there;
      free = fmt::format("{}-{}", name, i);
    }
    return add_place(above, free, Kind::folder, 0);
  }

  void add_snapshot(std::string path, const std::string& time_template, std::size_t number,
                    const std::string& tag) {
    const StoredSnapshot& stored = snapshots_[number];
    const bool is_by_time = ends_with_time(path);
    replace_all(path, "%i", stored.id.short_hex());
    replace_all(path, "%I", stored.id.hex());
    replace_all(path, "%u", as_name(stored.snapshot.user));
    replace_all(path, "%h", as_name(stored.snapshot.host));
    replace_all(path, "%t", as_name(tag));
    replace_all(path, "%T", format_snapshot_time(stored.snapshot, time_template));
    const std::vector<std::string> parts = components_of(path);
    if (parts.empty()) return;
    Place* folder = &root();
    std::string where;
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
      folder = &folder_in(*folder, parts[i]);
      where += parts[i] + "/";
    }
    const NodeId above = folder->id;
    add_place(*folder, parts.back(), Kind::snapshot, number);
    const std::string& name = place_of(above).names.back().first;
    if (paths_[number].empty()) paths_[number] = where + name;
    if (!is_by_time) return;
    // Snapshots come in the order of their times.
    latest_[above] = name;
  }

  // The newest snapshot of each host and stretch of time.
  void add_thinned(const std::string& name, const char* bucket) {
    std::map<std::pair<std::string, std::string>, std::size_t> newest;
    std::set<std::string> hosts;
    for (std::size_t i = 0; i < snapshots_.size(); ++i) {
      const Snapshot& snapshot = snapshots_[i].snapshot;
      newest[{snapshot.host, format_snapshot_time(snapshot, bucket)}] = i;
      hosts.insert(snapshot.host);
    }
    Place& folder = folder_in(folder_in(root(), "time-machine"), name);
    for (const auto& [which, number] : newest) {
      std::string stamp = format_snapshot_time(snapshots_[number].snapshot, "%Y-%m-%d-%H%M%S");
      if (hosts.size() > 1) stamp += "-" + as_name(which.first);
      add_place(folder, stamp, Kind::link, 0).target = "../../" + paths_[number];
    }
  }

  Layout& layout_;
  const std::vector<StoredSnapshot>& snapshots_;
  const LayoutOptions& options_;
  const Numbers& numbers_;
  std::unordered_map<NodeId, Names> names_;
  std::vector<std::string> paths_;        // the first place of each snapshot
  std::map<NodeId, std::string> latest_;  // the newest snapshot's name in each folder by time
};

Layout::Layout(const std::vector<StoredSnapshot>& snapshots, const LayoutOptions& options,
               const Numbers& numbers) {
  places_.reserve(snapshots.size() * 8);
  Builder builder(*this, snapshots, options, numbers);
  builder.add_templates();
  builder.add_latest();
  if (options.gmt_names) builder.add_gmt_names();
  if (options.with_views) builder.add_views();
  for (auto& [id, place] : places_) std::ranges::sort(place.names);
}

Layout Layout::of_one(std::size_t snapshot) {
  Layout layout;
  Place root;
  root.kind = Kind::snapshot;
  root.id = root.parent = kRoot;
  root.snapshot = snapshot;
  layout.places_.emplace(kRoot, std::move(root));
  return layout;
}

const Layout::Place* Layout::find(NodeId id) const {
  const auto it = places_.find(id);
  return it != places_.end() ? &it->second : nullptr;
}

const std::pair<std::string, NodeId>* Layout::find_name(const Place& folder,
                                                        std::string_view name) {
  const auto it = std::ranges::lower_bound(
      folder.names, name, {}, [](const auto& each) { return std::string_view(each.first); });
  return it != folder.names.end() && it->first == name ? &*it : nullptr;
}

}  // namespace lagan
