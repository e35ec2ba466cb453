// SPDX-License-Identifier: Apache-2.0
#include "src/engine/folder_markers.h"

#include <fcntl.h>

#include <algorithm>

#include "repo/client_memory.h"
#include "util/file.h"

namespace lagan {
namespace {

constexpr const char* kCacheTagName = "CACHEDIR.TAG";
constexpr std::string_view kCacheTagHeader = "Signature: 8a477f597d28d172789f06886806bc55";

}  // namespace

Result<FolderMarker> FolderMarker::parse(const std::string& text) {
  const std::size_t colon = text.find(':');
  const std::string name = text.substr(0, colon);
  if (name.empty() || name.find('/') != std::string::npos) {
    return fail(ErrorCode::invalid_argument,
                "--exclude-if-present '" + text +
                    "' needs the name of a file, without '/': NAME or NAME:HEADER");
  }
  return FolderMarker{name, colon == std::string::npos ? "" : text.substr(colon + 1),
                      "--exclude-if-present '" + text + "'"};
}

FolderMarker FolderMarker::cache_tag() {
  return {kCacheTagName, std::string(kCacheTagHeader), "--exclude-caches"};
}

FolderMarker FolderMarker::own_cache_tag() {
  return {kCacheTagName, std::string(kCacheTag), "it is a cache of lagan"};
}

bool FolderMarker::marks(int folder, const std::vector<std::string>& names) const {
  if (!std::ranges::binary_search(names, name)) return false;
  // A link is not followed, a pipe not waited for.
  const File file(::openat(folder, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (header.empty() || !file.is_open()) return header.empty();
  std::string head(header.size(), '\0');
  const auto got = read_some_full(file.descriptor(), std::as_writable_bytes(std::span(head)));
  return got && *got == head.size() && head == header;
}

}  // namespace lagan
