// SPDX-License-Identifier: Apache-2.0
#pragma once

// The checks of arguments that every backend makes in the same words. For backends only.

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>

#include "storage/storage.h"

namespace lagan {

// Empty, or a name followed by '/': anything else could reach outside of the location.
inline Result<void> check_prefix(std::string_view prefix) {
  if (prefix.empty()) return {};
  if (prefix.ends_with('/') && ObjectName::parse(prefix.substr(0, prefix.size() - 1))) return {};
  return fail(ErrorCode::invalid_argument, fmt::format("'{}' is not a folder of objects", prefix));
}

// For storages where list takes any beginning of a name.
inline Result<void> check_name_prefix(std::string_view prefix) {
  if (ObjectName::parse(fmt::format("{}x", prefix))) return {};
  return fail(ErrorCode::invalid_argument, fmt::format("'{}' begins no object's name", prefix));
}

// Where an object ends at most: what is beyond that some servers cannot even parse.
constexpr std::uint64_t kObjectEndMax = INT64_MAX;

// Before anything is allocated: a range may come from a damaged index.
inline Result<void> check_range(ByteRange range, std::uint64_t size_bytes) {
  if (range.length == 0) return fail(ErrorCode::invalid_argument, "empty range");
  if (range.offset <= size_bytes && range.length <= size_bytes - range.offset) return {};
  return fail(ErrorCode::corrupt, fmt::format("is {} bytes long, {} bytes from {} were expected",
                                              size_bytes, range.length, range.offset));
}

// A size as a server writes it.
inline Result<void> parse_size(std::string_view text, std::uint64_t& size_bytes) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size_bytes);
  if (error == std::errc() && end == text.data() + text.size() && !text.empty()) return {};
  return fail(ErrorCode::corrupt, fmt::format("the server tells the size '{}'", text));
}

// Empty if it is not set.
inline std::string environment_variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

// Of a name for what is not complete yet; it cannot be an object's.
inline std::string temporary_name() {
  static thread_local std::mt19937_64 random{std::random_device{}()};
  return fmt::format(".lagan-tmp-{:016x}", random());
}

// What lies above a path: "/a" of "/a/b".
inline std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

}  // namespace lagan
