// SPDX-License-Identifier: Apache-2.0
#pragma once

// When two entries count as the same: for diffs and versions. Pure functions.

#include <string>

#include "repo/tree.h"

namespace lagan {

inline bool same_content(const Entry& a, const Entry& b) {
  return a.size == b.size && a.slices == b.slices && a.list == b.list &&
         a.inline_content == b.inline_content && a.link_target == b.link_target;
}

// Without what is content, or says nothing beyond one snapshot.
inline std::string attributes_of(Entry entry) {
  entry.size = 0;
  entry.slices.clear();
  entry.list.reset();
  entry.inline_content.clear();
  entry.link_target.clear();
  entry.subtree = {};
  entry.hardlink.reset();
  return encode(entry);
}

// The counterpart: what it is and what it holds, whatever it is called and whoever owns it.
inline std::string content_of(const Entry& entry) {
  Entry content;
  content.name = "content";  // an entry without a name cannot be encoded
  content.kind = entry.kind;
  content.size = entry.size;
  content.slices = entry.slices;
  content.list = entry.list;
  content.inline_content = entry.inline_content;
  content.link_target = entry.link_target;
  content.subtree = entry.subtree;
  content.rdev_major = entry.rdev_major;
  content.rdev_minor = entry.rdev_minor;
  content.state = entry.state;
  return encode(content);
}

}  // namespace lagan
