// SPDX-License-Identifier: Apache-2.0
#include "src/engine/fitting_xattrs.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "repo/limits.h"

namespace lagan {
namespace {

// Content, subtree and state of an entry take less.
constexpr std::size_t kRoomForContent = 4 * limits::kKiB;

std::size_t size_with(const Entry& entry) { return encode(entry).size() + kRoomForContent; }

std::size_t size_in_entry(const Xattr& xattr) {
  Entry alone;
  const std::size_t size = encode(alone).size();
  alone.xattrs = {xattr};
  return encode(alone).size() - size;
}

}  // namespace

std::optional<Error> set_xattrs(Entry& entry, std::vector<Xattr> found) {
  entry.xattrs = std::move(found);
  std::vector<Xattr>& xattrs = entry.xattrs;
  std::size_t size = xattrs.empty() ? 0 : size_with(entry);
  if (xattrs.size() <= limits::kXattrsPerEntry && size <= limits::kEntryBytes) return std::nullopt;

  struct Candidate {
    bool is_of_user;
    std::size_t size, number;
  };
  std::vector<Candidate> candidates;
  for (std::size_t i = 0; i < xattrs.size(); ++i)
    candidates.push_back({xattrs[i].name.starts_with("user."), size_in_entry(xattrs[i]), i});
  std::ranges::sort(candidates, std::greater<>(), [](const Candidate& candidate) {
    return std::tuple(candidate.is_of_user, candidate.size, candidate.number);
  });
  std::size_t dropped = 0;
  for (; xattrs.size() - dropped > limits::kXattrsPerEntry || size > limits::kEntryBytes;
       ++dropped) {
    size -= candidates[dropped].size;
    xattrs[candidates[dropped].number].name.clear();
  }
  const std::size_t all = xattrs.size();
  std::erase_if(xattrs, [](const Xattr& xattr) { return xattr.name.empty(); });
  entry.state = EntryState::partly_unreadable;
  return Error{
      ErrorCode::unsupported,
      fmt::format("has {} extended attributes, more than an entry can hold: the {} largest "
                  "are not stored, everything else is",
                  all, dropped),
      Retry::never,
      {}};
}

}  // namespace lagan
