// SPDX-License-Identifier: Apache-2.0
#include "storage/disk_cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <deque>
#include <vector>

#include "crypto/digest.h"
#include "util/file.h"
#include "util/hex.h"
#include "util/mutex.h"

namespace lagan {
namespace {

// Whole packs are read by those who read them once.
constexpr std::uint64_t kLargestPart = std::uint64_t{16} << 20;
constexpr std::size_t kCheckBytes = sizeof(Sha256);

struct Kept {
  std::string name;
  std::uint64_t size = 0;
};

class CachingStorage final : public Storage {
 public:
  CachingStorage(std::unique_ptr<Storage> inner, std::string folder, std::uint64_t max_bytes)
      : inner_(std::move(inner)), folder_(std::move(folder)), max_bytes_(max_bytes) {}

  Result<void> open();

  Capabilities capabilities() const override { return inner_->capabilities(); }
  std::string description() const override { return inner_->description(); }
  Result<void> create() override { return inner_->create(); }
  Result<void> put(const ObjectName& name, ByteSpan bytes) override {
    return inner_->put(name, bytes);
  }
  Result<Bytes> get(const ObjectName& name) override { return inner_->get(name); }
  Result<Bytes> get(const ObjectName& name, ByteRange range) override;
  Result<ObjectInfo> stat(const ObjectName& name) override { return inner_->stat(name); }
  Result<void> list(std::string_view prefix, const EachObject& each) override {
    return inner_->list(prefix, each);
  }
  Result<void> remove(const ObjectName& name) override { return inner_->remove(name); }

 private:
  Result<Bytes> find(const std::string& file, std::uint64_t length) const;
  void keep(const std::string& name, ByteSpan bytes);

  const std::unique_ptr<Storage> inner_;
  const std::string folder_;
  const std::uint64_t max_bytes_;
  std::atomic<std::uint64_t> next_ = 0;  // of temporary files
  Mutex mutex_;
  std::deque<Kept> kept_ GUARDED_BY(mutex_);  // the oldest first
  std::uint64_t bytes_ GUARDED_BY(mutex_) = 0;
};

Result<void> CachingStorage::open() {
  TRY(make_directories(folder_));
  std::vector<std::pair<timespec, Kept>> found;
  const std::unique_ptr<DIR, void (*)(DIR*)> open(::opendir(folder_.c_str()),
                                                  [](DIR* folder) { ::closedir(folder); });
  if (!open) return fail(system_error("open " + folder_, errno));
  while (const dirent* entry = ::readdir(open.get())) {
    struct stat status {};
    if (::fstatat(::dirfd(open.get()), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(status.st_mode))
      continue;
    found.push_back({status.st_mtim, {entry->d_name, static_cast<std::uint64_t>(status.st_size)}});
  }
  std::ranges::sort(
      found, {}, [](const auto& each) { return std::pair(each.first.tv_sec, each.first.tv_nsec); });
  const MutexLock lock(mutex_);
  for (auto& [time, kept] : found) {
    bytes_ += kept.size;
    kept_.push_back(std::move(kept));
  }
  return {};
}

Result<Bytes> CachingStorage::get(const ObjectName& name, ByteRange range) {
  if (range.length > kLargestPart) return inner_->get(name, range);
  const std::string bound =
      fmt::format("{} {} {} {}", inner_->description(), name.text(), range.offset, range.length);
  const std::string file = to_hex(sha256(as_bytes(bound)));
  if (auto found = find(folder_ + "/" + file, range.length)) return found;
  Bytes bytes = TRY(inner_->get(name, range));
  keep(file, bytes);
  return bytes;
}

Result<Bytes> CachingStorage::find(const std::string& file, std::uint64_t length) const {
  const File open = TRY(open_file(file, O_RDONLY | O_NOFOLLOW));
  Sha256 check;
  Bytes bytes(length);
  if (TRY(read_at(open.descriptor(), check, 0)) != kCheckBytes ||
      TRY(read_at(open.descriptor(), bytes.span(), kCheckBytes)) != length ||
      sha256(bytes) != check)
    return fail(ErrorCode::corrupt, "damaged in the cache");
  return bytes;
}

// A cache that is full or gone costs speed only. Nothing is waited for to lie on the disk: what a
// power failure tears shows by its hash.
void CachingStorage::keep(const std::string& name, ByteSpan bytes) {
  const std::string temporary = fmt::format("{}/new-{}-{}", folder_, ::getpid(), next_++);
  const Sha256 check = sha256(bytes);
  {
    const auto file = open_file(temporary, O_WRONLY | O_CREAT | O_EXCL);
    if (!file) return;
    if (!write_all(file->descriptor(), check) || !write_all(file->descriptor(), bytes)) {
      ::unlink(temporary.c_str());
      return;
    }
  }
  if (::rename(temporary.c_str(), (folder_ + "/" + name).c_str()) != 0) {
    ::unlink(temporary.c_str());
    return;
  }
  const MutexLock lock(mutex_);
  kept_.push_back({name, bytes.size() + kCheckBytes});
  bytes_ += kept_.back().size;
  while (bytes_ > max_bytes_ && !kept_.empty()) {
    ::unlink((folder_ + "/" + kept_.front().name).c_str());
    bytes_ -= kept_.front().size;
    kept_.pop_front();
  }
}

}  // namespace

Result<std::unique_ptr<Storage>> with_disk_cache(std::unique_ptr<Storage> inner,
                                                 const std::string& folder,
                                                 std::uint64_t max_bytes) {
  auto storage = std::make_unique<CachingStorage>(std::move(inner), folder, max_bytes);
  TRY(storage->open());
  return storage;
}

}  // namespace lagan
