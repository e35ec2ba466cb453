// SPDX-License-Identifier: Apache-2.0
#include "storage/webdav.h"

#include <fmt/format.h>

#include <atomic>
#include <random>

#include "storage/arguments.h"
#include "storage/s3_answers.h"
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

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

class WebdavStorage final : public Storage {
 public:
  WebdavStorage(WebdavLocation location, HttpOptions http)
      : location_(std::move(location)), client_(std::move(http)) {}

  Capabilities capabilities() const override { return {.parallel = 4, .put_is_verified = false}; }
  std::string description() const override { return location_.shown(); }
  Result<void> create() override { return make_folders(location_.path); }
  Result<void> put(const ObjectName& name, ByteSpan bytes) override;
  Result<Bytes> get(const ObjectName& name) override { return get_answer(name, std::nullopt); }
  Result<Bytes> get(const ObjectName& name, ByteRange range) override {
    TRY(check_range(range, UINT64_MAX));
    return get_answer(name, range);
  }
  Result<ObjectInfo> stat(const ObjectName& name) override;
  Result<void> list(std::string_view prefix, const EachObject& each) override;
  Result<void> remove(const ObjectName& name) override;

 private:
  std::string path_of(const ObjectName& name) const { return location_.path + "/" + name.text(); }
  Result<HttpAnswer> send(HttpRequest request, const std::string& path);
  Result<Bytes> get_answer(const ObjectName& name, std::optional<ByteRange> range);
  Result<std::vector<WebdavListed>> list_one(const std::string& path, const char* depth);
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
  if (answer.status != 404 || has_folder_) return error;
  const auto folder = list_one(location_.path, "0");
  if (folder) has_folder_ = true;
  if (folder || folder.error().code != ErrorCode::not_found) return error;
  return Error{ErrorCode::no_repository,
               fmt::format("there is no folder {}", location_.shown()),
               Retry::never,
               {}};
}

Result<std::vector<WebdavListed>> WebdavStorage::list_one(const std::string& path,
                                                          const char* depth) {
  HttpRequest request;
  request.method = "PROPFIND";
  request.headers = {{"Depth", depth}, {"Content-Type", "application/xml; charset=utf-8"}};
  request.body = as_bytes(kWanted);
  request.answer_limit_bytes = kListingMax;
  // Some redirect what is written without the slash.
  const HttpAnswer answer = TRY(send(std::move(request), path + "/"));
  if (answer.status != 207) {
    Error error = http_status_error(answer, "list " + path);
    if (answer.status == 401) return fail(error_of(answer, "list " + path));
    return fail(std::move(error));
  }
  return parse_multistatus(answer.body);
}

Result<void> WebdavStorage::make_folders(const std::string& path) {
  HttpRequest request;
  request.method = "MKCOL";
  const HttpAnswer answer = TRY(send(request, path + "/"));
  // 405: it is there; 409: the one above is not.
  if (answer.is_success() || answer.status == 405) return {};
  const std::string parent = folder_of(path);
  if (answer.status != 409 || parent.empty()) {
    return fail(error_of(answer, "make the folder " + path));
  }
  TRY(make_folders(parent));
  const HttpAnswer again = TRY(send(request, path + "/"));
  if (again.is_success() || again.status == 405) return {};
  return fail(error_of(again, "make the folder " + path));
}

Result<void> WebdavStorage::put(const ObjectName& name, ByteSpan bytes) {
  const std::string path = path_of(name);
  static thread_local std::mt19937_64 random{std::random_device{}()};
  const std::string temporary = fmt::format("{}/.lagan-tmp-{:016x}", folder_of(path), random());
  HttpRequest upload;
  upload.method = "PUT";
  upload.headers = {{"Content-Type", "application/octet-stream"}};
  upload.body = bytes;
  HttpAnswer answer = TRY_IN(name.text(), send(upload, temporary));
  if (answer.status == 409 || answer.status == 404) {
    // The repository itself is made by create() only.
    if (!has_folder_) {
      const auto folder = list_one(location_.path, "0");
      if (!folder && folder.error().code == ErrorCode::not_found) {
        return fail(ErrorCode::no_repository,
                    fmt::format("there is no folder {}", location_.shown()));
      }
      has_folder_ = folder.has_value();
    }
    TRY(make_folders(folder_of(path)));
    answer = TRY_IN(name.text(), send(upload, temporary));
  }
  if (answer.is_success()) {
    HttpRequest move;
    move.method = "MOVE";
    move.headers = {
        {"Destination", fmt::format("{}://{}{}", location_.is_https ? "https" : "http",
                                    location_.authority, escape_url(path, Slashes::stay))},
        {"Overwrite", "T"}};
    answer = TRY_IN(name.text(), send(move, temporary));
    if (answer.is_success()) return {};
  }
  HttpRequest tidy;
  tidy.method = "DELETE";
  (void)send(tidy, temporary);
  return fail(error_of(answer, name.text()));
}

Result<Bytes> WebdavStorage::get_answer(const ObjectName& name, std::optional<ByteRange> range) {
  HttpRequest request;
  request.answer_limit_bytes = kObjectMax;
  if (range) {
    const std::uint64_t last = range->offset + (range->length - 1);
    request.headers = {{"Range", fmt::format("bytes={}-{}", range->offset, last)}};
    request.answer_limit_bytes = range->length + (std::uint64_t{64} << 10);
  }
  HttpAnswer answer = TRY_IN(name.text(), send(std::move(request), path_of(name)));
  if (answer.status == 416) {
    return fail(ErrorCode::corrupt, fmt::format("{}: ends before the range does", name.text()));
  }
  if (!answer.is_success()) return fail(error_of(answer, name.text()));
  if (range) TRY_IN(name.text(), check_ranged_answer(answer, range->offset, range->length));
  return std::move(answer.body);
}

Result<ObjectInfo> WebdavStorage::stat(const ObjectName& name) {
  HttpRequest request;
  request.method = "HEAD";
  const HttpAnswer answer = TRY_IN(name.text(), send(request, path_of(name)));
  if (!answer.is_success()) return fail(error_of(answer, name.text()));
  ObjectInfo info{.name = name};
  TRY_IN(name.text(), parse_size(answer.header("content-length"), info.size_bytes));
  info.modified = parse_http_date(answer.header("last-modified"));
  return info;
}

Result<void> WebdavStorage::list(std::string_view prefix, const EachObject& each) {
  TRY(check_prefix(prefix));
  if (prefix.ends_with('/')) prefix.remove_suffix(1);
  std::vector<std::string> folders{prefix.empty() ? location_.path
                                                  : location_.path + "/" + std::string(prefix)};
  const std::size_t base = location_.path.size() + 1;
  while (!folders.empty()) {
    const std::string folder = std::move(folders.back());
    folders.pop_back();
    const auto page = list_one(folder, "1");
    if (!page && page.error().code == ErrorCode::not_found) {
      if (has_folder_) continue;  // nothing was put there yet
      const auto root = list_one(location_.path, "0");
      if (!root && root.error().code == ErrorCode::not_found) {
        return fail(ErrorCode::no_repository,
                    fmt::format("there is no folder {}", location_.shown()));
      }
      if (!root) return fail(root.error());
      has_folder_ = true;
      continue;
    }
    if (!page) return fail(page.error());
    for (const WebdavListed& listed : *page) {
      if (listed.path == folder) continue;
      if (!listed.path.starts_with(folder + "/"))
        return fail(ErrorCode::corrupt, fmt::format("list {}: names {}", folder, listed.path));
      const auto name = ObjectName::parse(std::string_view(listed.path).substr(base));
      if (!name) continue;  // not ours: temporary and foreign files
      if (listed.is_folder) {
        folders.push_back(listed.path);
      } else if (!listed.size_bytes) {
        return fail(ErrorCode::corrupt, fmt::format("list {}: no size of {}", folder, listed.path));
      } else {
        TRY(each({*name, *listed.size_bytes, listed.modified}));
      }
    }
  }
  return {};
}

Result<void> WebdavStorage::remove(const ObjectName& name) {
  HttpRequest request;
  request.method = "DELETE";
  const HttpAnswer answer = TRY_IN(name.text(), send(request, path_of(name)));
  if (answer.is_success()) return {};
  const Error error = error_of(answer, name.text());
  if (error.code == ErrorCode::not_found) return {};
  return fail(error);
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

std::unique_ptr<Storage> make_webdav_storage(WebdavLocation location, HttpOptions http) {
  http.http2 = true;
  return std::make_unique<WebdavStorage>(std::move(location), std::move(http));
}

}  // namespace lagan
