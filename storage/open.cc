// SPDX-License-Identifier: Apache-2.0
#include "storage/open.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <utility>

#include "storage/azure.h"
#include "storage/ftp.h"
#include "storage/hot_cold.h"
#include "storage/local.h"
#include "storage/memory.h"
#include "storage/rclone.h"
#include "storage/s3.h"
#include "storage/sftp.h"
#include "storage/url.h"
#include "storage/webdav.h"
#include "util/mutex.h"

namespace lagan {
namespace {

constexpr std::string_view kKnownKinds =
    "a path, file:///path, local:path, s3://bucket/prefix, s3+https://host/bucket/prefix, "
    "gs://bucket/prefix, azure://account/container/prefix, sftp://user@host/path, "
    "webdav+https://host/path, davs://host/path, ftp://host/path, ftps+explicit://host/path, "
    "rclone:remote:path, hotcold:?hot=…&cold=… and mem://name";

// What other programs call them, and what to write here.
constexpr std::pair<std::string_view, std::string_view> kElsewhere[] = {
    {"b2:", "Backblaze speaks S3: s3+https://s3.REGION.backblazeb2.com/bucket/prefix"},
    {"swift:", "Swift speaks S3 where s3api is on: s3+https://host/bucket/prefix"},
    {"rest:", "restic's REST protocol cannot hold lagan's objects: use SFTP, WebDAV or S3 there"},
    {"http:", "write webdav+http://host/path or s3+http://host/bucket"},
    {"https:", "write webdav+https://host/path or s3+https://host/bucket"},
    {"smb:", "mount the share and name its folder, or use rclone:remote:path"},
    {"azblob:", "write azure://account/container/prefix"},
};

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

// What is remembered of a folder must not be taken for another's of the same name elsewhere.
Result<std::string> absolute_path(std::string_view path) {
  if (path.starts_with('/')) return std::string(path);
  while (path.starts_with("./"))
    path = path.substr(std::min(path.find_first_not_of('/', 1), path.size()));
  std::error_code error;
  const std::filesystem::path here = std::filesystem::current_path(error);
  if (error) return fail(system_error("find the current folder", error.value()));
  return path.empty() || path == "." ? here.string() : (here / path).string();
}

Result<std::unique_ptr<Storage>> open_folder(std::string_view location, std::string_view path) {
  if (path.empty()) return unusable(location, "no folder given");
  const std::string absolute = TRY(absolute_path(path));
  return make_local_storage(std::string(without_trailing_slashes(absolute)));
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

// Folders that are not there yet are compared by name, others by what they are.
bool is_within(const std::string& inner, const std::string& outer) {
  namespace fs = std::filesystem;
  std::error_code error;
  const auto real = [&](const std::string& path) {
    return fs::weakly_canonical(fs::absolute(without_trailing_slashes(path), error), error);
  };
  const fs::path wanted = real(outer);
  if (wanted.empty()) return false;
  for (fs::path at = real(inner);; at = at.parent_path()) {
    if (at == wanted || fs::equivalent(at, wanted, error)) return true;
    if (at == at.parent_path()) return false;
  }
}

struct RemoteKind {
  std::string_view option_name;  // of `-o name.option=value`
  bool (*is_location)(std::string_view);
  Result<std::unique_ptr<Storage>> (*open)(std::string_view location, const StorageOptions&);
};

constexpr RemoteKind kRemoteKinds[] = {
    {"s3", is_s3_location, open_s3_storage},
    {"azure", is_azure_location, open_azure_storage},
    {"ftp", is_ftp_location, open_ftp_storage},
    {"rclone", is_rclone_location, open_rclone_storage},
    {"sftp", is_sftp_location, open_sftp_storage},
    {"webdav", is_webdav_location, open_webdav_storage},
};

// Options of kinds that are not used harm nobody: a script may give them always.
Result<void> check_option_names(const ExtendedOptions& options) {
  for (const auto& [name, value] : options) {
    const std::string_view kind = std::string_view(name).substr(0, name.find('.'));
    const auto* known_kind = std::ranges::find(kRemoteKinds, kind, &RemoteKind::option_name);
    if (kind.size() < name.size() && known_kind != std::end(kRemoteKinds)) continue;
    std::string known;
    for (const RemoteKind& each : kRemoteKinds)
      known += fmt::format("{}{}.", known.empty() ? "" : ", ", each.option_name);
    return fail(ErrorCode::invalid_argument,
                fmt::format("-o {}: names of options begin with one of {}", name, known));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Storage>> open_storage(std::string_view location,
                                              const StorageOptions& options) {
  TRY(check_option_names(options.extended));
  if (is_hot_cold_location(location)) return open_hot_cold_storage(location, options);
  for (const RemoteKind& kind : kRemoteKinds) {
    if (kind.is_location(location)) return kind.open(location, options);
  }
  const std::string_view scheme = scheme_of(location);
  const std::string_view rest = location.substr(scheme.size());
  if (scheme.empty()) return open_folder(location, location);
  if (scheme == "local:") return open_folder(location, rest);
  if (scheme == "file:") return open_file_url(location, rest);
  if (scheme == "mem:") return open_memory(location, rest);
  const auto* elsewhere =
      std::ranges::find(kElsewhere, scheme, [](const auto& each) { return each.first; });
  const bool is_elsewhere = elsewhere != std::end(kElsewhere);
  return fail(
      ErrorCode::invalid_argument,
      fmt::format("unknown kind of location '{}'; {}{}", scheme, is_elsewhere ? "" : "known are ",
                  is_elsewhere ? elsewhere->second : kKnownKinds));
}

bool is_open_to_listeners(std::string_view location) {
  if (is_hot_cold_location(location)) {
    const auto both = parse_hot_cold_location(location);
    return both && (is_open_to_listeners(both->hot) || is_open_to_listeners(both->cold));
  }
  const std::size_t end = location.find("://");
  if (end == std::string_view::npos) return false;
  const std::string_view scheme = location.substr(0, end);
  const bool is_plain = scheme == "dav" || scheme == "ftp" || scheme == "http" ||
                        scheme.ends_with("+http") || scheme.ends_with(":http");
  if (!is_plain) return false;
  std::string_view authority = location.substr(end + 3);
  authority = authority.substr(0, authority.find_first_of("/?&"));
  return !is_loopback(authority.substr(authority.rfind('@') + 1));
}

std::vector<std::string> local_folders(std::string_view location) {
  if (is_hot_cold_location(location)) {
    const auto both = parse_hot_cold_location(location);
    if (!both) return {};
    std::vector<std::string> folders = local_folders(both->hot);
    for (std::string& folder : local_folders(both->cold)) folders.push_back(std::move(folder));
    return folders;
  }
  const std::string_view scheme = scheme_of(location);
  std::string_view rest = location.substr(scheme.size());
  if (scheme == "file:" && rest.starts_with("///")) {
    rest.remove_prefix(2);
  } else if (!scheme.empty() && scheme != "local:") {
    return {};
  }
  if (rest.empty()) return {};
  return {std::string(rest)};
}

bool overlap(std::string_view one, std::string_view other) {
  const auto any = [](std::string_view location, const auto& holds) {
    return std::ranges::any_of(local_folders(location), holds);
  };
  return any(one, [&](const std::string& left) {
    return any(other, [&](const std::string& right) {
      return is_within(left, right) || is_within(right, left);
    });
  });
}

}  // namespace lagan
