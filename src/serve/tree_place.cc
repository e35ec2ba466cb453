// SPDX-License-Identifier: Apache-2.0
#include "src/serve/tree_place.h"

#include "repo/limits.h"
#include "repo/tree.h"
#include "storage/url.h"

namespace lagan {
namespace {

// "latest" leads to a snapshot, and no way leads to another one. More would be a mistake of ours.
constexpr int kWays = 4;

tl::unexpected<Error> nothing_there() {
  return fail(ErrorCode::not_found, "there is nothing of that name");
}

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    if (slash != 0) parts.push_back(path.substr(0, slash));
    path = slash == path.npos ? std::string_view() : path.substr(slash + 1);
  }
  return parts;
}

}  // namespace

Result<std::vector<std::string>> names_of_url(std::string_view path) {
  if (!path.starts_with('/')) return fail(ErrorCode::invalid_argument, "a path begins with '/'");
  std::vector<std::string> names;
  for (const std::string_view part : split(path)) {
    if (part == ".") continue;  // some clients write "./a:b"
    std::string name = TRY(unescape_url(part));
    if (!is_valid_entry_name(name))
      return fail(ErrorCode::invalid_argument, "nothing can have such a name");
    names.push_back(std::move(name));
  }
  if (names.size() > limits::kPathDepth)
    return fail(ErrorCode::invalid_argument, "the path is too deep");
  return names;
}

std::string url_of_name(std::string_view name) { return escape_url(name, Slashes::escaped); }

std::string url_of(const std::vector<std::string>& names, UrlOf what) {
  std::string url;
  for (const std::string& name : names) url += "/" + url_of_name(name);
  return what == UrlOf::folder ? url + "/" : url;
}

bool is_way(const NodeStatus& node) { return S_ISLNK(node.status.st_mode) && !node.is_lasting; }

TreePlace::~TreePlace() {
  while (!nodes_.empty()) leave();
}

Result<std::unique_ptr<TreePlace>> TreePlace::find(MountTree& tree,
                                                   std::vector<std::string> names) {
  std::unique_ptr<TreePlace> place(new TreePlace(tree));
  TRY(place->go_to_root());
  for (const std::string& name : names) {
    if (place->snapshot_) place->names_in_snapshot_.push_back(name);
    TRY(place->enter(name));
    TRY(place->follow_ways());
    if (!place->snapshot_ && place->is_folder())
      place->snapshot_ = tree.snapshot_of(place->node().id);
  }
  place->names_ = std::move(names);
  return place;
}

Result<void> TreePlace::go_to_root() {
  nodes_.push_back(TRY(tree_.status(MountTree::kRoot)));
  snapshot_ = tree_.snapshot_of(MountTree::kRoot);
  return {};
}

Result<void> TreePlace::enter(const std::string& name) {
  if (!is_folder()) return nothing_there();
  auto found = TRY(tree_.lookup(node().id, name));
  if (!found) return nothing_there();
  nodes_.push_back(*found);
  return {};
}

Result<void> TreePlace::follow_ways() {
  for (int i = 0; is_way(node()); ++i) {
    if (i == kWays) return nothing_there();
    const std::string target = TRY(tree_.link_target(node().id));
    leave();
    for (const std::string_view part : split(target)) {
      if (part != "..") {
        TRY(enter(std::string(part)));
      } else if (nodes_.size() > 1) {
        leave();
      }
    }
  }
  return {};
}

void TreePlace::leave() {
  // The root was not given by lookup().
  if (nodes_.size() > 1) tree_.forget(nodes_.back().id, 1);
  nodes_.pop_back();
}

}  // namespace lagan
