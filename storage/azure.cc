// SPDX-License-Identifier: Apache-2.0
#include "storage/azure.h"

#include <fmt/format.h>

#include <atomic>
#include <pugixml.hpp>

#include "crypto/digest.h"
#include "storage/arguments.h"
#include "storage/open.h"
#include "storage/url.h"
#include "util/base64.h"

namespace lagan {
namespace {

constexpr const char* kVersion = "2020-10-02";
constexpr std::uint64_t kObjectMax = std::uint64_t{2} << 30;
constexpr std::uint64_t kPageMax = std::uint64_t{64} << 20;

struct Request {
  std::string method;
  std::string name;  // of the blob, whole; empty: the container
  QueryParameters query = {};
  HttpHeaders headers = {};
  std::optional<ByteSpan> body = std::nullopt;
  std::uint64_t answer_limit_bytes = std::uint64_t{1} << 20;
};

class AzureStorage final : public Storage {
 public:
  AzureStorage(AzureLocation location, HttpOptions http, Clock clock)
      : location_(std::move(location)), clock_(std::move(clock)), client_(std::move(http)) {}

  Capabilities capabilities() const override {
    return {.parallel = 8,
            .parallel_puts = 3,
            .parallel_gets = 8,
            .put_is_verified = true,
            .lists_any_prefix = true};
  }
  std::string description() const override { return location_.shown(); }
  Result<void> create() override;
  Result<void> put(const ObjectName& name, ByteSpan bytes) override;
  Result<Bytes> get(const ObjectName& name) override { return fetch(name, std::nullopt); }
  Result<Bytes> get(const ObjectName& name, ByteRange range) override {
    TRY(check_range(range, kObjectEndMax));
    return fetch(name, range);
  }
  Result<ObjectInfo> stat(const ObjectName& name) override;
  Result<void> list(std::string_view prefix, const EachObject& each) override;
  Result<void> remove(const ObjectName& name) override;

 private:
  std::string blob_of(const ObjectName& name) const { return location_.prefix + name.text(); }
  Result<HttpAnswer> send(const Request& request);
  Result<Bytes> fetch(const ObjectName& name, std::optional<ByteRange> range);
  Error error_of(const HttpAnswer& answer, std::string_view what) const;

  const AzureLocation location_;
  const Clock clock_;
  HttpClient client_;
};

Result<HttpAnswer> AzureStorage::send(const Request& request) {
  HttpRequest http;
  http.method = request.method;
  http.headers = request.headers;
  http.headers.emplace_back("x-ms-version", kVersion);
  http.headers.emplace_back("x-ms-date", http_date(clock_()));
  http.body = request.body;
  http.answer_limit_bytes = request.answer_limit_bytes;
  std::string url = location_.endpoint + "/" + escape_url(location_.container, Slashes::escaped);
  if (!request.name.empty()) url += "/" + escape_url(request.name, Slashes::stay);
  std::string query = canonical_query(request.query);
  if (!location_.access_signature.empty()) {
    query += (query.empty() ? "" : "&") + location_.access_signature;
  } else {
    const std::size_t host = location_.endpoint.find("://") + 3;
    AzureRequestToSign to_sign;
    to_sign.method = request.method;
    to_sign.path = url.substr(url.find('/', host));
    to_sign.query = request.query;
    to_sign.headers = http.headers;
    to_sign.content_length = request.body ? request.body->size() : 0;
    http.headers.emplace_back("Authorization",
                              sign_azure(to_sign, location_.account, location_.key));
  }
  http.url = query.empty() ? url : url + "?" + query;
  return client_.send(http);
}

Error AzureStorage::error_of(const HttpAnswer& answer, std::string_view what) const {
  const std::string_view code = answer.header("x-ms-error-code");
  Error error = http_status_error(answer, what);
  if (!code.empty()) error.message = fmt::format("{}: {}", what, code);
  const auto because = [&](ErrorCode as, std::string_view advice) {
    error.code = as;
    error.message += fmt::format(": {}", advice);
    return error;
  };
  if (code == "ContainerNotFound")
    return because(ErrorCode::no_repository, "there is no container " + location_.container);
  if (code == "AuthenticationFailed" || code == "AuthorizationFailure")
    return because(ErrorCode::permission,
                   "the account's key or signature is wrong, or does not allow that");
  if (code == "BlobArchived")
    return because(ErrorCode::unavailable, "the object is archived: rehydrate it there first");
  if (code == "InvalidResourceName" || code == "InvalidUri")
    return because(ErrorCode::invalid_argument, "no container can have this name");
  if (code == "Md5Mismatch" || code == "ContainerBeingDeleted" || code == "ServerBusy" ||
      code == "OperationTimedOut") {
    error.code = ErrorCode::unavailable;
    error.retry = Retry::backoff;
    return error;
  }
  if (answer.status == 403) return because(ErrorCode::permission, "this key may not do that");
  return error;
}

Result<void> AzureStorage::create() {
  const HttpAnswer answer = TRY(
      send({.method = "PUT", .name = "", .query = {{"restype", "container"}}, .body = ByteSpan()}));
  if (answer.is_success() || answer.header("x-ms-error-code") == "ContainerAlreadyExists")
    return {};
  // Who may only write into a container that is there may go on.
  if (answer.status == 403 && list("none/", [](const ObjectInfo&) { return Result<void>(); }))
    return {};
  return fail(error_of(answer, "make the container " + location_.container));
}

Result<void> AzureStorage::put(const ObjectName& name, ByteSpan bytes) {
  Request request{.method = "PUT", .name = blob_of(name), .body = bytes};
  request.headers = {{"x-ms-blob-type", "BlockBlob"},
                     {"Content-Type", "application/octet-stream"},
                     {"Content-MD5", to_base64(as_text(md5(bytes)))}};
  if (!location_.access_tier.empty() && name.text().starts_with("data/"))
    request.headers.emplace_back("x-ms-access-tier", location_.access_tier);
  const HttpAnswer answer = TRY_IN(name.text(), send(request));
  if (!answer.is_success()) return fail(error_of(answer, name.text()));
  return {};
}

Result<Bytes> AzureStorage::fetch(const ObjectName& name, std::optional<ByteRange> range) {
  Request request{.method = "GET", .name = blob_of(name), .answer_limit_bytes = kObjectMax};
  if (range) {
    const std::uint64_t last = range->offset + (range->length - 1);
    request.headers = {{"x-ms-range", fmt::format("bytes={}-{}", range->offset, last)}};
    request.answer_limit_bytes = range->length + (std::uint64_t{64} << 10);
  }
  HttpAnswer answer = TRY_IN(name.text(), send(request));
  if (answer.status == 416)
    return fail(ErrorCode::corrupt, fmt::format("{}: ends before the range does", name.text()));
  if (!answer.is_success()) return fail(error_of(answer, name.text()));
  if (range) TRY_IN(name.text(), check_ranged_answer(answer, range->offset, range->length));
  return std::move(answer.body);
}

Result<ObjectInfo> AzureStorage::stat(const ObjectName& name) {
  const HttpAnswer answer = TRY_IN(name.text(), send({.method = "HEAD", .name = blob_of(name)}));
  if (!answer.is_success()) return fail(error_of(answer, name.text()));
  ObjectInfo info{.name = name};
  TRY_IN(name.text(), parse_size(answer.header("content-length"), info.size_bytes));
  info.modified = parse_http_date(answer.header("last-modified"));
  return info;
}

Result<void> AzureStorage::list(std::string_view prefix, const EachObject& each) {
  TRY(check_name_prefix(prefix));
  const std::string wanted = location_.prefix + std::string(prefix);
  const auto corrupt = [&](std::string_view why) {
    return fail(ErrorCode::corrupt, fmt::format("list {}: {}", wanted, why));
  };
  std::string marker;
  do {
    QueryParameters query{{"restype", "container"}, {"comp", "list"}};
    // An empty one is no parameter for some.
    if (!wanted.empty()) query.emplace_back("prefix", wanted);
    if (!marker.empty()) query.emplace_back("marker", marker);
    const HttpAnswer answer = TRY(send(
        {.method = "GET", .name = "", .query = std::move(query), .answer_limit_bytes = kPageMax}));
    if (!answer.is_success()) return fail(error_of(answer, "list " + wanted));
    pugi::xml_document document;
    const auto parsed = document.load_buffer(answer.body.data(), answer.body.size());
    const auto results = document.child("EnumerationResults");
    if (!parsed || !results || !results.child("Blobs")) return corrupt("the answer is no listing");
    for (const auto& blob : results.child("Blobs").children("Blob")) {
      const std::string_view listed = blob.child_value("Name");
      if (!listed.starts_with(wanted)) return corrupt(fmt::format("names {}", listed));
      const auto name = ObjectName::parse(listed.substr(location_.prefix.size()));
      if (!name) continue;  // not ours
      const auto properties = blob.child("Properties");
      ObjectInfo info{.name = *name};
      TRY_IN("list " + wanted,
             parse_size(properties.child_value("Content-Length"), info.size_bytes));
      info.modified = parse_http_date(properties.child_value("Last-Modified"));
      TRY(each(info));
    }
    // It is there in every page, empty in the last.
    if (!results.child("NextMarker")) return corrupt("does not say whether it is whole");
    const std::string next = results.child_value("NextMarker");
    if (!next.empty() && next == marker) return corrupt("goes in a circle");
    marker = next;
  } while (!marker.empty());
  return {};
}

Result<void> AzureStorage::remove(const ObjectName& name) {
  const HttpAnswer answer = TRY_IN(name.text(), send({.method = "DELETE", .name = blob_of(name)}));
  if (answer.is_success()) return {};
  const Error error = error_of(answer, name.text());
  if (error.code == ErrorCode::not_found) return {};
  return fail(error);
}

tl::unexpected<Error> unusable(std::string_view why) {
  return fail(ErrorCode::invalid_argument, fmt::format("Azure location: {}", why));
}

}  // namespace

std::string AzureLocation::shown() const {
  return fmt::format("azure://{}/{}/{}", account, container, prefix);
}

bool is_azure_location(std::string_view text) {
  return text.starts_with("azure:") || text.starts_with("azblob://");
}

Result<AzureLocation> parse_azure_location(std::string_view text, const ExtendedOptions& options,
                                           AzureLocation location) {
  std::map<std::string, std::string> query;
  std::string path;
  if (text.find("://") != std::string_view::npos) {
    const Url url = TRY_IN("Azure location", parse_url(text));
    if (!url.user.empty()) return unusable("the key belongs into AZURE_ACCOUNT_KEY");
    location.account = url.host;
    query = url.query;
    path = url.path;
    while (path.starts_with('/')) path.erase(0, 1);
    location.container = path.substr(0, path.find('/'));
    path.erase(0, location.container.size());
  } else {
    text.remove_prefix(std::string_view("azure:").size());
    location.container = text.substr(0, text.find(':'));
    if (location.container.size() == text.size()) return unusable("write azure:container:/prefix");
    path = text.substr(location.container.size() + 1);
  }
  if (location.account.empty())
    return unusable(
        "no account is named: write azure://account/container, or set AZURE_ACCOUNT_NAME");
  if (location.container.empty()) return unusable("no container is named");
  if (path.find("//") != std::string::npos) return unusable("'//' in the path");
  while (path.starts_with('/')) path.erase(0, 1);
  while (path.ends_with('/')) path.pop_back();
  if (!path.empty()) location.prefix = path + "/";

  KindOptions own("azure", options, std::move(query));
  if (std::string endpoint = own.take("endpoint"); !endpoint.empty())
    location.endpoint = std::move(endpoint);
  location.access_tier = own.take("access-tier");
  TRY(own.check_all_taken());
  while (location.endpoint.ends_with('/')) location.endpoint.pop_back();
  if (location.endpoint.empty())
    location.endpoint = fmt::format("https://{}.blob.core.windows.net", location.account);
  if (!location.endpoint.starts_with("https://") && !location.endpoint.starts_with("http://"))
    return unusable("endpoint is a URL: https://host");
  if (location.key.empty() && location.access_signature.empty())
    return unusable("set AZURE_ACCOUNT_KEY or AZURE_ACCOUNT_SAS");
  return location;
}

Result<std::unique_ptr<Storage>> open_azure_storage(std::string_view location,
                                                    const StorageOptions& options) {
  AzureLocation defaults;
  defaults.account = environment_variable("AZURE_ACCOUNT_NAME");
  if (const std::string key = environment_variable("AZURE_ACCOUNT_KEY"); !key.empty()) {
    const auto decoded = from_base64(key);
    if (!decoded) return unusable("AZURE_ACCOUNT_KEY is no base64");
    defaults.key = *decoded;
  }
  std::string signature = environment_variable("AZURE_ACCOUNT_SAS");
  if (signature.starts_with('?')) signature.erase(0, 1);
  defaults.access_signature = std::move(signature);
  AzureLocation parsed = TRY(parse_azure_location(location, options.extended, std::move(defaults)));
  return make_azure_storage(std::move(parsed), options.connection);
}

std::unique_ptr<Storage> make_azure_storage(AzureLocation location, HttpOptions http, Clock clock) {
  return std::make_unique<AzureStorage>(std::move(location), std::move(http), std::move(clock));
}

}  // namespace lagan
