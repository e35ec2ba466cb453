// SPDX-License-Identifier: Apache-2.0
#pragma once

// A place in the tree that a URL names. As long as it lives, the tree remembers its nodes. URLs are
// hostile; all they can do is name what the tree has, for every name is looked up in a folder.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mount/mount_tree.h"

namespace lagan {

// "/a%20b/c" is {"a b", "c"}; `invalid_argument` if the escapes are broken or there is a name in it
// that nothing can have. Empty names and "." count for nothing, and so does a '/' at the end.
Result<std::vector<std::string>> names_of_url(std::string_view path);
// And back, with a '/' at the end of folders.
enum class UrlOf { file, folder };
std::string url_of(const std::vector<std::string>& names, UrlOf what);
std::string url_of_name(std::string_view name);

// Links above the snapshots ("latest") are ways of the tree itself and are followed. Those that
// were saved are not: they mean places of another machine, and could lead round in circles.
bool is_way(const NodeStatus& node);

class TreePlace {
 public:
  // `not_found` if there is no such place.
  static Result<std::unique_ptr<TreePlace>> find(MountTree& tree, std::vector<std::string> names);
  ~TreePlace();
  TreePlace(const TreePlace&) = delete;
  TreePlace& operator=(const TreePlace&) = delete;

  MountTree& tree() const { return tree_; }
  const NodeStatus& node() const { return nodes_.back(); }
  bool is_folder() const { return S_ISDIR(node().status.st_mode); }
  // As the URL had them.
  const std::vector<std::string>& names() const { return names_; }
  // Empty for the root.
  std::string name() const { return names_.empty() ? std::string() : names_.back(); }

  // The snapshot that it lies in, and where there; null above snapshots and in views of several.
  const std::shared_ptr<const StoredSnapshot>& snapshot() const { return snapshot_; }
  const std::vector<std::string>& names_in_snapshot() const { return names_in_snapshot_; }

 private:
  explicit TreePlace(MountTree& tree) : tree_(tree) {}
  Result<void> go_to_root();
  Result<void> enter(const std::string& name);
  Result<void> follow_ways();
  void leave();

  MountTree& tree_;
  std::vector<std::string> names_, names_in_snapshot_;
  std::shared_ptr<const StoredSnapshot> snapshot_;
  std::vector<NodeStatus> nodes_;  // the way from the root, each with a reference
};

}  // namespace lagan
