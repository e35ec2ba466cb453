// SPDX-License-Identifier: Apache-2.0
#include "repo/body_cache.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "repo/body.h"
#include "util/file.h"

namespace lagan {
namespace {

// Not waited for to lie on the disk: what a power failure tears does not open.
void write_new(const std::string& path, ByteSpan bytes) {
  const std::string temporary = fmt::format("{}.new-{}", path, ::getpid());
  bool is_written = false;
  {
    const auto file = open_file(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
    is_written = file && write_all(file->descriptor(), bytes);
  }
  if (!is_written || ::rename(temporary.c_str(), path.c_str()) != 0) ::unlink(temporary.c_str());
}

}  // namespace

BodyCache::BodyCache(const Repository& repository, std::string_view prefix)
    : repository_(repository), prefix_(prefix) {
  const bool is_far = repository.storage().capabilities().parallel_gets > 1;
  if (!is_far || prefix.empty() || repository.cache_folder().empty()) return;
  folder_ = fmt::format("{}/{}", repository.cache_folder(), prefix);
  if (!make_directories(folder_, 0700)) folder_.clear();
}

Result<std::string> BodyCache::get(ObjectKind kind, const ObjectName& name,
                                   std::size_t max_size) const {
  if (folder_.empty()) return repository_.get_body(kind, name, max_size);
  const auto open = [&](ByteSpan sealed) {
    return open_body(repository_.sealing(), kind, name.text(), sealed, max_size);
  };
  const std::string path = folder_ + name.text().substr(prefix_.size());
  if (const auto kept = read_file(path, max_size)) {
    if (auto message = open(*kept)) return message;
  }
  const Bytes sealed = TRY_IN(name.text(), repository_.storage().get(name));
  std::string message = TRY_IN(name.text(), open(sealed));
  write_new(path, sealed);
  return message;
}

void BodyCache::keep_only(const std::set<std::string>& present) const {
  if (folder_.empty()) return;
  std::error_code error;
  std::filesystem::directory_iterator at(folder_, error);
  for (const std::filesystem::directory_iterator end; !error && at != end; at.increment(error)) {
    const std::string file = at->path().filename().string();
    if (!present.contains(std::string(prefix_) + file)) ::unlink(at->path().c_str());
  }
}

}  // namespace lagan
