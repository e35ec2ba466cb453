// SPDX-License-Identifier: Apache-2.0
#include "storage/webdav.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "storage/arguments.h"
#include "storage/folder_walk.h"
#include "storage/open.h"
#include "storage/url.h"
#include "storage/webdav_answers.h"

namespace lagan {
namespace {

constexpr std::uint64_t kObjectMax = std::uint64_t{2} << 30;
constexpr std::uint64_t kListingMax = std::uint64_t{256} << 20;
constexpr std::string_view kWanted =
    "<?xml version=\"1.0\" encoding=\"utf-8\"?><propfind xmlns=\"DAV:\"><prop><resourcetype/>"
    "<getcontentlength/><getlastmodified/></prop></propfind>";

constexpr std::pair<std::string_view, bool> kSchemes[] = {
    {"webdav+https", true}, {"davs", true}, {"webdav+http", false}, {"dav", false}};

class WebdavStorage final : public Storage {
 public:
  WebdavStorage(WebdavLocation location, HttpOptions http)
      : location_(std::move(location)), client_(std::move(http)) {}

  Capabilities capabilities() const override {
    return {.parallel = 4, .parallel_puts = 3, .parallel_gets = 4, .put_is_verified = false};
  }
  std::string description() const override { return location_.shown(); }
  Result<void> create() override { return make_folders(location_.path); }
  Result<void> put(const ObjectName& name, ByteSpan bytes) override;
  Result<Bytes> get(const ObjectName& name) override { return get_answer(name, std::nullopt); }
  Result<Bytes> get(const ObjectName& name, ByteRange range) override {
    TRY(check_range(range, kObjectEndMax));
    return get_answer(name, range);
  }
  Result<ObjectInfo> stat(const ObjectName& name) override;
  Result<void> list(std::string_view prefix, const EachObject& each) override;
  Result<void> remove(const ObjectName& name) override;

 private:
  std::string path_of(const ObjectName& name) const { return location_.path + "/" + name.text(); }
  Result<HttpAnswer> send(HttpRequest request, const std::string& path);
  Result<Bytes> get_answer(const ObjectName& name, std::optional<ByteRange> range);
  // Some redirect folders that are written without the slash at their end.
  Result<std::vector<WebdavListed>> list_one(const std::string& path, const char* depth,
                                             std::string_view ending = "/");
  Result<std::vector<FolderEntry>> list_folder(const std::string& path);
  Result<void> check_folder();
  Error missing(const ObjectName& name);
  Result<void> make_folders(const std::string& path);
  Error error_of(const HttpAnswer& answer, std::string_view what);

  const WebdavLocation location_;
  HttpClient client_;
  std::atomic<bool> has_folder_ = false;
};

Result<HttpAnswer> WebdavStorage::send(HttpRequest request, const std::string& path) {
  request.url = fmt::format("{}://{}{}", location_.is_https ? "https" : "http", location_.authority,
                            escape_url(path, Slashes::stay));
  request.user = location_.user;
  request.password = location_.password;
  return client_.send(request);
}

// A missing object in a missing folder is a missing repository.
Error WebdavStorage::error_of(const HttpAnswer& answer, std::string_view what) {
  Error error = http_status_error(answer, what);
  if (answer.status == 401) {
    error.message += location_.user.empty() ? ": set LAGAN_WEBDAV_USER and LAGAN_WEBDAV_PASSWORD"
                                            : ": user or password is wrong";
  }
  if (answer.status != 404) return error;
  auto folder = check_folder();
  return folder ? error : std::move(folder).error();
}

// Only create() makes the repository's own folder.
Result<void> WebdavStorage::check_folder() {
  if (has_folder_) return {};
  const auto folder = list_one(location_.path, "0");
  if (!folder && folder.error().code == ErrorCode::not_found) {
    return fail(ErrorCode::no_repository, fmt::format("there is no folder {}", location_.shown()));
  }
  if (!folder) return fail(folder.error());
  has_folder_ = true;
  return {};
}

Result<std::vector<WebdavListed>> WebdavStorage::list_one(const std::string& path,
                                                          const char* depth,
                                                          std::string_view ending) {
  HttpRequest request;
  request.method = "PROPFIND";
  request.headers = {{"Depth", depth}, {"Content-Type", "application/xml; charset=utf-8"}};
  request.body = as_bytes(kWanted);
  request.answer_limit_bytes = kListingMax;
  const HttpAnswer answer = TRY(send(std::move(request), path + std::string(ending)));
  if (answer.status == 207) return parse_multistatus(answer.body);
  const std::string what = "list " + path;
  if (answer.status == 401) return fail(error_of(answer, what));
  if (answer.status == 405 || answer.status == 501)
    return fail(ErrorCode::unsupported, what + ": there is no WebDAV at this address");
  Error error = http_status_error(answer, what);
  // Apache's answers to what lies below a file.
  if (answer.status == 400 || answer.status == 409) error.code = ErrorCode::not_found;
  return fail(std::move(error));
}

Result<void> WebdavStorage::make_folders(const std::string& path) {
  HttpRequest request;
  request.method = "MKCOL";
  const HttpAnswer answer = TRY(send(request, path + "/"));
  // 405: it is there; 409: the one above is not.
  if (answer.is_success() || answer.status == 405) return {};
  const std::string parent = folder_of(path);
  if (answer.status != 409 || parent.empty()) {
    return list_one(path, "0") ? Result<void>() : fail(error_of(answer, "make the folder " + path));
  }
  TRY(make_folders(parent));
  const HttpAnswer again = TRY(send(request, path + "/"));
  if (again.is_success() || again.status == 405) return {};
  // Who makes the same at the same time gets any answer.
  return list_one(path, "0") ? Result<void>() : fail(error_of(again, "make the folder " + path));
}

Result<void> WebdavStorage::put(const ObjectName& name, ByteSpan bytes) {
  // Some servers make every folder on the way.
  TRY(check_folder());
  const std::string path = path_of(name);
  const std::string temporary = folder_of(path) + "/" + temporary_name();
  HttpRequest upload;
  upload.method = "PUT";
  upload.headers = {{"Content-Type", "application/octet-stream"}};
  upload.body = bytes;
  HttpAnswer answer = TRY_IN(name.text(), send(upload, temporary));
  // What servers say where the folder is missing; nginx takes it for a failure of its own.
  if (answer.status == 409 || answer.status == 404 || answer.status == 500) {
    TRY(make_folders(folder_of(path)));
    answer = TRY_IN(name.text(), send(upload, temporary));
  }
  if (answer.is_success()) {
    HttpRequest move;
    move.method = "MOVE";
    move.headers = {
        {"Destination", fmt::format("{}://{}{}", location_.is_https ? "https" : "http",
                                    location_.authority, escape_url(path, Slashes::stay))},
        // Replacing is removing first for some: for a moment the object would not be there.
        {"Overwrite", "F"}};
    answer = TRY_IN(name.text(), send(move, temporary));
    if (answer.is_success()) return {};
  }
  const bool is_there = answer.status == 412;  // and has the same bytes
  HttpRequest tidy;
  tidy.method = "DELETE";
  (void)send(tidy, temporary);
  return is_there ? Result<void>() : fail(error_of(answer, name.text()));
}

Result<Bytes> WebdavStorage::get_answer(const ObjectName& name, std::optional<ByteRange> range) {
  HttpRequest request;
  request.answer_limit_bytes = kObjectMax;
  if (range) {
    const std::uint64_t last = range->offset + (range->length - 1);
    request.headers = {{"Range", fmt::format("bytes={}-{}", range->offset, last)}};
    request.answer_limit_bytes = range->length + (std::uint64_t{64} << 10);
  }
  HttpAnswer answer = TRY_IN(name.text(), send(request, path_of(name)));
  if (answer.status == 403 || (answer.status >= 300 && answer.status < 400)) {
    // Apache says so when a file goes while it is opened. And a folder is no object.
    TRY(stat(name));
    answer = TRY_IN(name.text(), send(request, path_of(name)));
  }
  if (answer.status == 416) {
    return fail(ErrorCode::corrupt, fmt::format("{}: ends before the range does", name.text()));
  }
  if (!answer.is_success()) return fail(error_of(answer, name.text()));
  if (range) TRY_IN(name.text(), check_ranged_answer(answer, range->offset, range->length));
  return std::move(answer.body);
}

// Not by HEAD: some leave out the length when it is zero.
Result<ObjectInfo> WebdavStorage::stat(const ObjectName& name) {
  const std::string path = path_of(name);
  const auto found = list_one(path, "0", "");
  if (!found && found.error().code == ErrorCode::not_found) return fail(missing(name));
  if (!found) return fail(found.error());
  const auto own = std::ranges::find(*found, path, &WebdavListed::path);
  if (own == found->end())
    return fail(ErrorCode::corrupt, name.text() + ": the server tells of others");
  if (own->is_folder) return fail(missing(name));
  if (!own->size_bytes) return fail(ErrorCode::corrupt, name.text() + ": the server tells no size");
  return ObjectInfo{name, *own->size_bytes, own->modified};
}

Error WebdavStorage::missing(const ObjectName& name) {
  if (auto folder = check_folder(); !folder) return std::move(folder).error();
  return Error{ErrorCode::not_found, name.text() + ": no such object", Retry::never, {}};
}

Result<std::vector<FolderEntry>> WebdavStorage::list_folder(const std::string& path) {
  const auto page = list_one(path, "1");
  if (!page && page.error().code == ErrorCode::not_found) {
    TRY(check_folder());
    return std::vector<FolderEntry>();  // nothing was put there yet
  }
  if (!page) return fail(page.error());
  std::vector<FolderEntry> entries;
  for (const WebdavListed& listed : *page) {
    if (listed.path == path && !listed.is_folder) return std::vector<FolderEntry>();  // an object
    if (listed.path == path) continue;
    if (!listed.path.starts_with(path + "/"))
      return fail(ErrorCode::corrupt, fmt::format("list {}: names {}", path, listed.path));
    if (!listed.is_folder && !listed.size_bytes)
      return fail(ErrorCode::corrupt, fmt::format("list {}: no size of {}", path, listed.path));
    entries.push_back({listed.path.substr(path.size() + 1), listed.is_folder,
                       listed.size_bytes.value_or(0), listed.modified});
  }
  return entries;
}

Result<void> WebdavStorage::list(std::string_view prefix, const EachObject& each) {
  return walk_folders(
      prefix, capabilities().parallel,
      [&](const std::string& folder) {
        return list_folder(folder.empty() ? location_.path : location_.path + "/" + folder);
      },
      each);
}

Result<void> WebdavStorage::remove(const ObjectName& name) {
  HttpRequest request;
  request.method = "DELETE";
  // A folder of that name is no object: with this header it is not removed, with all that is in it.
  request.headers = {{"Depth", "0"}};
  const HttpAnswer answer = TRY_IN(name.text(), send(request, path_of(name)));
  if (answer.is_success()) return {};
  const auto found = stat(name);
  if (!found && found.error().code == ErrorCode::not_found) return {};
  return fail(found ? error_of(answer, name.text()) : found.error());
}

}  // namespace

std::string WebdavLocation::shown() const {
  return fmt::format("webdav+{}://{}{}", is_https ? "https" : "http", authority, path);
}

bool is_webdav_location(std::string_view text) {
  const std::size_t end = text.find("://");
  for (const auto& [scheme, is_https] : kSchemes) {
    if (end != std::string_view::npos && text.substr(0, end) == scheme) return true;
  }
  return false;
}

Result<WebdavLocation> parse_webdav_location(std::string_view text) {
  const Url url = TRY_IN("WebDAV location", parse_url(text));
  if (url.host.empty())
    return fail(ErrorCode::invalid_argument, "WebDAV location: no host is named");
  if (!url.query.empty()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("WebDAV location: there is no option '{}'", url.query.begin()->first));
  }
  WebdavLocation location;
  for (const auto& [scheme, is_https] : kSchemes) {
    if (url.scheme == scheme) location.is_https = is_https;
  }
  location.authority = url.authority();
  location.path = url.path;
  while (location.path.ends_with('/')) location.path.pop_back();
  if (location.path.empty()) {
    return fail(ErrorCode::invalid_argument,
                "WebDAV location: name a folder, not the whole server");
  }
  location.user = url.user;
  location.password = url.password;
  return location;
}

Result<std::unique_ptr<Storage>> open_webdav_storage(std::string_view location,
                                                     const StorageOptions& options) {
  WebdavLocation parsed = TRY(parse_webdav_location(location));
  TRY(KindOptions("webdav", options.extended, {}).check_all_taken());
  if (parsed.user.empty()) {
    parsed.user = environment_variable("LAGAN_WEBDAV_USER");
    parsed.password = environment_variable("LAGAN_WEBDAV_PASSWORD");
  }
  return make_webdav_storage(std::move(parsed), options.connection);
}

std::unique_ptr<Storage> make_webdav_storage(WebdavLocation location, HttpOptions http) {
  return std::make_unique<WebdavStorage>(std::move(location), std::move(http));
}

}  // namespace lagan
