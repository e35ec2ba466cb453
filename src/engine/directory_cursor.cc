// SPDX-License-Identifier: Apache-2.0
#include "src/engine/directory_cursor.h"

#include <fmt/format.h>

#include "repo/limits.h"

namespace lagan {

DirectoryCursor::DirectoryCursor(const ChunkSource& source, const std::optional<ChunkId>& top,
                                 EachNode each_node)
    : source_(source), each_node_(std::move(each_node)), top_(top) {}

void DirectoryCursor::leave_finished_nodes() {
  while (!path_.empty() && path_.back().at == path_.back().size()) path_.pop_back();
}

std::optional<DirectoryCursor::Unopened> DirectoryCursor::unopened() {
  // Which level the top is on shows only when it is open: above all others, to be opened first.
  if (top_) return Unopened{*top_, limits::kNodeLevel + 1};
  leave_finished_nodes();
  if (path_.empty() || path_.back().node.level == 0) return std::nullopt;
  const Node& above = path_.back();
  return Unopened{above.node.children[above.at].id, above.node.level - 1};
}

void DirectoryCursor::skip() {
  if (top_) {
    top_.reset();
  } else {
    ++path_.back().at;
  }
}

Result<void> DirectoryCursor::open() {
  const Unopened next = *unopened();
  const bool is_top = top_.has_value();
  skip();
  Node opened;
  opened.bytes = TRY(source_(next.id, ChunkKind::directory));
  opened.node =
      TRY_IN(fmt::format("directory {}", next.id.short_hex()), decode_directory(opened.bytes));
  if (!is_top && opened.node.level != next.level) {
    return fail(ErrorCode::corrupt,
                fmt::format("directory {}: on level {} instead of {}", next.id.short_hex(),
                            opened.node.level, next.level));
  }
  each_node_(next.id, opened.bytes.size());
  path_.push_back(std::move(opened));
  return {};
}

Result<std::optional<std::string_view>> DirectoryCursor::entry() {
  while (unopened()) TRY(open());
  if (path_.empty()) return std::optional<std::string_view>();
  return std::optional(path_.back().node.entries[path_.back().at]);
}

void DirectoryCursor::advance() { ++path_.back().at; }

}  // namespace lagan
