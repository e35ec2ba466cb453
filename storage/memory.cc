// SPDX-License-Identifier: Apache-2.0
#include "storage/memory.h"

#include <fmt/format.h>

#include <map>
#include <utility>
#include <vector>

#include "storage/arguments.h"
#include "util/mutex.h"

namespace lagan {
namespace {

class MemoryStorage final : public Storage {
 public:
  Capabilities capabilities() const override {
    return {.parallel = 4, .put_is_verified = true, .lists_any_prefix = true};
  }
  std::string description() const override { return "memory"; }
  Result<void> create() override { return {}; }

  Result<void> put(const ObjectName& name, ByteSpan bytes) override {
    Object object{.bytes = Bytes::copy_of(bytes), .modified = system_now()};
    MutexLock lock(mutex_);
    objects_.try_emplace(name, std::move(object));
    return {};
  }

  Result<Bytes> get(const ObjectName& name) override {
    MutexLock lock(mutex_);
    const auto at = objects_.find(name);
    if (at == objects_.end()) return missing(name);
    return Bytes::copy_of(at->second.bytes);
  }

  Result<Bytes> get(const ObjectName& name, ByteRange range) override {
    MutexLock lock(mutex_);
    const auto at = objects_.find(name);
    if (at == objects_.end()) return missing(name);
    const ByteSpan bytes = at->second.bytes;
    TRY_IN(name.text(), check_range(range, bytes.size()));
    return Bytes::copy_of(bytes.subspan(range.offset, range.length));
  }

  Result<ObjectInfo> stat(const ObjectName& name) override {
    MutexLock lock(mutex_);
    const auto at = objects_.find(name);
    if (at == objects_.end()) return missing(name);
    return info(at->first, at->second);
  }

  Result<void> list(std::string_view prefix, const EachObject& each) override {
    TRY(check_name_prefix(prefix));
    // Without the lock, because `each` may call this storage.
    for (const ObjectInfo& object : snapshot(prefix)) TRY(each(object));
    return {};
  }

  Result<void> remove(const ObjectName& name) override {
    MutexLock lock(mutex_);
    objects_.erase(name);
    return {};
  }

 private:
  struct Object {
    Bytes bytes;
    Nanoseconds modified = 0;
  };

  static tl::unexpected<Error> missing(const ObjectName& name) {
    return fail(ErrorCode::not_found, fmt::format("{}: no such object", name.text()));
  }

  static ObjectInfo info(const ObjectName& name, const Object& object) {
    return {.name = name, .size_bytes = object.bytes.size(), .modified = object.modified};
  }

  std::vector<ObjectInfo> snapshot(std::string_view prefix) {
    std::vector<ObjectInfo> found;
    MutexLock lock(mutex_);
    for (const auto& [name, object] : objects_) {
      if (name.text().starts_with(prefix)) found.push_back(info(name, object));
    }
    return found;
  }

  Mutex mutex_;
  std::map<ObjectName, Object> objects_ GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<Storage> make_memory_storage() { return std::make_unique<MemoryStorage>(); }

}  // namespace lagan
