// SPDX-License-Identifier: Apache-2.0
#pragma once

// Folders of the tree as pages for people: the root with all snapshots by time, any other with its
// names, their versions and archives. Plain HTML with nothing from elsewhere and no script, so that
// it needs no trust. All that was saved is escaped.

#include "src/serve/folder_body.h"

namespace lagan {

class PageText : public FolderText {
 public:
  // Borrows the place.
  explicit PageText(const TreePlace& place) : place_(place) {}

  std::string begin() override;
  std::string name(std::string_view name, const NodeStatus& node) override;
  Result<std::string> end(bool is_incomplete) override;

 private:
  bool is_one_snapshot() const;
  const char* root_title() const;
  std::string title() const;
  std::string heading() const;
  std::string snapshot_line() const;
  std::string timeline() const;
  std::string versions_link(const std::string& name) const;

  const TreePlace& place_;
};

// What a browser is to do with such a page: nothing but show it.
extern const char* const kPagePolicy;

}  // namespace lagan
