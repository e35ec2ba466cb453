// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "storage/storage.h"

namespace lagan {
namespace {

constexpr std::size_t kMaxNameBytes = 200;

bool is_segment_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

// No leading dot: neither "." and "..", nor the hidden files and temporary names of any backend.
bool is_segment(std::string_view text) {
  return !text.empty() && text.front() != '.' && std::ranges::all_of(text, is_segment_character);
}

bool is_name(std::string_view text) {
  if (text.size() > kMaxNameBytes) return false;
  for (;;) {
    const std::size_t slash = text.find('/');
    if (!is_segment(text.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    text.remove_prefix(slash + 1);
  }
}

}  // namespace

Result<ObjectName> ObjectName::parse(std::string_view text) {
  if (!is_name(text)) {
    return fail(ErrorCode::invalid_argument, fmt::format("'{}' is not an object name", text));
  }
  return ObjectName(std::string(text));
}

}  // namespace lagan
