// SPDX-License-Identifier: Apache-2.0
#include "storage/open.h"

#include <fmt/format.h>

#include <cstdlib>
#include <map>
#include <string>
#include <utility>

#include "storage/local.h"
#include "storage/memory.h"
#include "storage/s3.h"
#include "storage/sftp.h"
#include "storage/url.h"
#include "storage/webdav.h"
#include "util/mutex.h"

namespace lagan {
namespace {

constexpr std::string_view kKnownKinds =
    "a path, file:///path, local:path, s3://bucket/prefix, s3+https://host/bucket/prefix and "
    "mem://name";

// The stores behind mem://, for as long as the process lives: what one part of a test has put
// there, another finds by the same location, as it would on a disk.
class MemoryStores {
 public:
  std::shared_ptr<Storage> find_or_make(const std::string& name) {
    MutexLock lock(mutex_);
    auto& store = stores_[name];
    if (!store) store = make_memory_storage();
    return store;
  }

 private:
  Mutex mutex_;
  std::map<std::string, std::shared_ptr<Storage>> stores_ GUARDED_BY(mutex_);
};

// One owner's view of a store that others may have open too.
class NamedMemoryStorage final : public Storage {
 public:
  NamedMemoryStorage(std::string location, std::shared_ptr<Storage> store)
      : location_(std::move(location)), store_(std::move(store)) {}

  Capabilities capabilities() const override { return store_->capabilities(); }
  std::string description() const override { return location_; }
  Result<void> create() override { return store_->create(); }
  Result<void> put(const ObjectName& name, ByteSpan bytes) override {
    return store_->put(name, bytes);
  }
  Result<Bytes> get(const ObjectName& name) override { return store_->get(name); }
  Result<Bytes> get(const ObjectName& name, ByteRange range) override {
    return store_->get(name, range);
  }
  Result<ObjectInfo> stat(const ObjectName& name) override { return store_->stat(name); }
  Result<void> list(std::string_view prefix, const EachObject& each) override {
    return store_->list(prefix, each);
  }
  Result<void> remove(const ObjectName& name) override { return store_->remove(name); }

 private:
  const std::string location_;
  const std::shared_ptr<Storage> store_;
};

tl::unexpected<Error> unusable(std::string_view location, std::string_view why) {
  return fail(ErrorCode::invalid_argument, fmt::format("location '{}': {}", location, why));
}

std::string_view without_trailing_slashes(std::string_view text) {
  while (text.size() > 1 && text.ends_with('/')) text.remove_suffix(1);
  return text;
}

// The scheme with its colon, or nothing: a colon after the first slash belongs to a file's name.
std::string_view scheme_of(std::string_view location) {
  const std::size_t end = location.find_first_of(":/");
  if (end == std::string_view::npos || location[end] == '/') return {};
  return location.substr(0, end + 1);
}

Result<std::unique_ptr<Storage>> open_folder(std::string_view location, std::string_view path) {
  if (path.empty()) return unusable(location, "no folder given");
  return make_local_storage(std::string(without_trailing_slashes(path)));
}

Result<std::unique_ptr<Storage>> open_file_url(std::string_view location, std::string_view rest) {
  // Three slashes: the host between the second and the third is this machine.
  if (!rest.starts_with("///")) return unusable(location, "write file:///path");
  rest.remove_prefix(2);
  if (rest.find('%') != std::string_view::npos) {
    return unusable(location, "escapes like %20 are not understood; give the path itself");
  }
  return open_folder(location, rest);
}

Result<std::unique_ptr<Storage>> open_memory(std::string_view location, std::string_view rest) {
  static MemoryStores stores;
  const std::string_view name =
      rest.starts_with("//") ? without_trailing_slashes(rest.substr(2)) : std::string_view();
  if (name.empty() || name == "/") return unusable(location, "write mem://name");
  auto store = stores.find_or_make(std::string(name));
  return std::make_unique<NamedMemoryStorage>(fmt::format("mem://{}", name), std::move(store));
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

Result<void> check_options(const StorageOptions& options) {
  for (const auto& [name, value] : options.extended) {
    if (name != kSftpCommand && name != kSftpArguments) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("-o {}: there are {} and {}", name, kSftpCommand, kSftpArguments));
    }
  }
  return {};
}

std::string extended(const StorageOptions& options, std::string_view name) {
  const auto at = options.extended.find(std::string(name));
  return at == options.extended.end() ? std::string() : at->second;
}

Result<std::unique_ptr<Storage>> open_sftp(std::string_view location,
                                           const StorageOptions& options) {
  SftpOptions sftp;
  sftp.command = extended(options, kSftpCommand);
  sftp.arguments = extended(options, kSftpArguments);
  sftp.stall_seconds = options.http.stall_seconds;
  sftp.stop = options.http.stop;
  return make_sftp_storage(TRY(parse_sftp_location(location)), sftp);
}

// Where others on the way can listen.
bool is_open_to_listeners(std::string_view location, std::string& shown) {
  if (is_s3_location(location)) {
    const auto parsed = parse_s3_location(location);
    if (parsed) shown = parsed->shown();
    return parsed && !parsed->is_https && !is_loopback(parsed->host);
  }
  if (is_webdav_location(location)) {
    const auto parsed = parse_webdav_location(location);
    if (parsed) shown = parsed->shown();
    return parsed && !parsed->is_https && !is_loopback(parsed->authority);
  }
  return false;
}

}  // namespace

Result<std::unique_ptr<Storage>> open_storage(std::string_view location,
                                              const StorageOptions& options) {
  TRY(check_options(options));
  if (is_s3_location(location)) {
    S3Location parsed = TRY(parse_s3_location(location));
    return make_s3_storage(std::move(parsed), options.http, real_aws_world());
  }
  if (is_sftp_location(location)) return open_sftp(location, options);
  if (is_webdav_location(location)) {
    WebdavLocation parsed = TRY(parse_webdav_location(location));
    if (parsed.user.empty()) {
      parsed.user = variable("LAGAN_WEBDAV_USER");
      parsed.password = variable("LAGAN_WEBDAV_PASSWORD");
    }
    return make_webdav_storage(std::move(parsed), options.http);
  }
  const std::string_view scheme = scheme_of(location);
  const std::string_view rest = location.substr(scheme.size());
  if (scheme.empty()) return open_folder(location, location);
  if (scheme == "local:") return open_folder(location, rest);
  if (scheme == "file:") return open_file_url(location, rest);
  if (scheme == "mem:") return open_memory(location, rest);
  return fail(ErrorCode::invalid_argument,
              fmt::format("unknown kind of location '{}'; known are {}", scheme, kKnownKinds));
}

std::string location_warning(std::string_view location) {
  std::string shown;
  if (!is_open_to_listeners(location, shown)) return {};
  return shown + ": without TLS others can see which objects are read and written, and when";
}

}  // namespace lagan
