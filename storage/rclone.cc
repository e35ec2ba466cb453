// SPDX-License-Identifier: Apache-2.0
#include "storage/rclone.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <ctime>
#include <nlohmann/json.hpp>

#include "storage/arguments.h"
#include "storage/open.h"
#include "storage/rclone_server.h"
#include "storage/sftp.h"
#include "storage/url.h"
#include "util/mutex.h"

namespace lagan {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kObjectMax = std::uint64_t{2} << 30;
constexpr std::string_view kBoundary = "lagan-8d1f0c6e5b7a4392";

// "2030-01-02T03:04:05.678+01:00", to the second, as far as it can be read.
std::optional<Nanoseconds> parse_rfc3339(const std::string& text) {
  std::tm time{};
  const char* rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &time);
  if (rest == nullptr) return std::nullopt;
  if (*rest == '.') rest += std::strspn(rest + 1, "0123456789") + 1;
  int offset_minutes = 0;
  if ((*rest == '+' || *rest == '-') && std::strlen(rest) == 6) {
    const auto digit = [&](int at) { return rest[at] - '0'; };
    offset_minutes = (digit(1) * 10 + digit(2)) * 60 + digit(4) * 10 + digit(5);
    if (*rest == '-') offset_minutes = -offset_minutes;
  }
  return (static_cast<Nanoseconds>(::timegm(&time)) - offset_minutes * 60) * 1'000'000'000;
}

struct Item {
  std::string path;
  bool is_folder = false;
  std::uint64_t size_bytes = 0;
  std::optional<Nanoseconds> modified;
};

Result<Item> item_in(const Json& json) {
  const auto wrong = [] {
    return fail(ErrorCode::corrupt, "rclone: an entry has not the form that was expected");
  };
  if (!json.is_object()) return wrong();
  const auto path = json.find("Path"), size = json.find("Size"), folder = json.find("IsDir"),
             time = json.find("ModTime");
  if (path == json.end() || !path->is_string() || size == json.end() || !size->is_number_integer())
    return wrong();
  Item item;
  item.path = path->get<std::string>();
  item.is_folder = folder != json.end() && folder->is_boolean() && folder->get<bool>();
  const auto bytes = size->get<std::int64_t>();
  if (bytes < 0 && !item.is_folder) return wrong();  // some services do not know: not for us
  item.size_bytes = item.is_folder ? 0 : static_cast<std::uint64_t>(bytes);
  if (time != json.end() && time->is_string())
    item.modified = parse_rfc3339(time->get<std::string>());
  return item;
}

// What went wrong is told in words only.
Error error_of(const HttpAnswer& answer, std::string_view what) {
  const Json json = Json::parse(as_text(answer.body), nullptr, false);
  std::string text;
  if (json.is_object() && json.contains("error") && json["error"].is_string())
    text = json["error"].get<std::string>();
  const auto says = [&](std::string_view word) { return text.find(word) != std::string::npos; };
  const auto error = [&](ErrorCode code, Retry retry) {
    return Error{code, fmt::format("{}: rclone: {}", what, text), retry, {}};
  };
  if (text.empty()) return http_status_error(answer, what);
  // An object's name is no folder of another's: what seems to be one is not there.
  if (says("directory not found") || says("object not found") || says("not a directory") ||
      says("is a directory") || answer.status == 404)
    return error(ErrorCode::not_found, Retry::never);
  if (says("didn't find section") || says("didn't find backend")) {
    return Error{ErrorCode::invalid_argument,
                 fmt::format("rclone: {} (rclone config makes remotes)", text),
                 Retry::never,
                 {}};
  }
  if (says("no space left") || says("quota") || says("storage full"))
    return error(ErrorCode::no_space, Retry::never);
  if (says("permission denied") || says("AccessDenied") || says("orbidden") || says("unauthorized"))
    return error(ErrorCode::permission, Retry::never);
  return error(ErrorCode::unavailable, Retry::backoff);
}

class RcloneStorage final : public Storage {
 public:
  RcloneStorage(RcloneLocation location, std::vector<std::string> command, HttpOptions options)
      : location_(std::move(location)),
        command_(std::move(command)),
        options_(std::move(options)) {}

  Capabilities capabilities() const override {
    return {.parallel = 4, .parallel_puts = 3, .parallel_gets = 4, .put_is_verified = false};
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
  Result<std::shared_ptr<RcloneServer>> server();
  Result<HttpAnswer> send(const HttpRequest& request, std::string_view path);
  Json about(std::string_view path) const { return {{"fs", location_.remote}, {"remote", path}}; }
  Result<HttpAnswer> call(std::string_view what, const Json& json);
  Result<Bytes> fetch(const ObjectName& name, std::optional<ByteRange> range);
  Result<void> upload(const std::string& folder, const std::string& file, ByteSpan bytes);
  Result<bool> needs_rename();
  Result<void> check_folder();
  Error missing(const ObjectName& name);

  const RcloneLocation location_;
  const std::vector<std::string> command_;
  const HttpOptions options_;
  std::atomic<bool> has_folder_ = false;
  std::atomic<int> needs_rename_ = -1;  // not known yet
  Mutex mutex_;
  std::shared_ptr<RcloneServer> server_ GUARDED_BY(mutex_);
};

Result<std::shared_ptr<RcloneServer>> RcloneStorage::server() {
  const MutexLock lock(mutex_);
  if (!server_) server_ = TRY(RcloneServer::start(command_, options_));
  return server_;
}

Result<HttpAnswer> RcloneStorage::send(const HttpRequest& request, std::string_view path) {
  const auto to = TRY(server());
  auto answer = to->send(request, path);
  if (answer || answer.error().code != ErrorCode::unavailable) return answer;
  // It may have ended: whoever tries again starts another.
  const MutexLock lock(mutex_);
  if (server_ == to) server_ = nullptr;
  return answer;
}

Result<HttpAnswer> RcloneStorage::call(std::string_view what, const Json& json) {
  const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  return send(remote_call(as_bytes(text)), fmt::format("/{}", what));
}

// Most services make folders by themselves, or have none: it is we who say that one is missing.
Result<void> RcloneStorage::check_folder() {
  if (has_folder_) return {};
  Json wanted = about("");
  wanted["opt"] = {{"noModTime", true}, {"noMimeType", true}};
  const HttpAnswer answer = TRY(call("operations/list", wanted));
  if (answer.is_success()) {
    has_folder_ = true;
    return {};
  }
  const Error error = error_of(answer, location_.shown());
  if (error.code != ErrorCode::not_found) return fail(error);
  return fail(ErrorCode::no_repository, fmt::format("there is no folder {}", location_.shown()));
}

Error RcloneStorage::missing(const ObjectName& name) {
  if (auto folder = check_folder(); !folder) return std::move(folder).error();
  return Error{ErrorCode::not_found, name.text() + ": no such object", Retry::never, {}};
}

Result<void> RcloneStorage::create() {
  const HttpAnswer answer = TRY(call("operations/mkdir", about("")));
  if (!answer.is_success()) return fail(error_of(answer, location_.shown()));
  // Where there are no folders nothing shows of it before the first object.
  has_folder_ = true;
  return {};
}

// Services with folders show what of an upload has arrived, as long as rclone's versions go that
// people have; where there are buckets, an object is there whole or not at all, and to rename is to
// copy.
Result<bool> RcloneStorage::needs_rename() {
  if (needs_rename_ >= 0) return needs_rename_ == 1;
  const HttpAnswer answer = TRY(call("operations/fsinfo", {{"fs", location_.remote}}));
  if (!answer.is_success()) return fail(error_of(answer, location_.shown()));
  const Json json = Json::parse(as_text(answer.body), nullptr, false);
  const auto has = [&](const char* feature) {
    const auto features = json.is_object() ? json.find("Features") : json.end();
    return json.is_object() && features != json.end() && features->is_object() &&
           features->value(feature, Json()) == true;
  };
  needs_rename_ = has("Move") && !has("BucketBased") ? 1 : 0;
  return needs_rename_ == 1;
}

Result<void> RcloneStorage::put(const ObjectName& name, ByteSpan bytes) {
  TRY(check_folder());
  const bool renames = TRY(needs_rename());
  const std::size_t slash = name.text().rfind('/');
  const std::string folder = slash == std::string::npos ? "" : name.text().substr(0, slash);
  const std::string file = name.text().substr(slash + 1);
  if (!renames) return upload(folder, file, bytes);
  const std::string temporary = temporary_name();
  TRY(upload(folder, temporary, bytes));
  const std::string from = folder.empty() ? temporary : folder + "/" + temporary;
  const HttpAnswer moved =
      TRY_IN(name.text(), call("operations/movefile", {{"srcFs", location_.remote},
                                                       {"srcRemote", from},
                                                       {"dstFs", location_.remote},
                                                       {"dstRemote", name.text()}}));
  if (moved.is_success()) return {};
  (void)call("operations/deletefile", about(from));
  return fail(error_of(moved, name.text()));
}

Result<void> RcloneStorage::upload(const std::string& folder, const std::string& file,
                                   ByteSpan bytes) {
  const std::string head = fmt::format(
      "--{}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{}\"\r\n"
      "Content-Type: application/octet-stream\r\n\r\n",
      kBoundary, file);
  const std::string tail = fmt::format("\r\n--{}--\r\n", kBoundary);
  Bytes body(head.size() + bytes.size() + tail.size());
  auto at = std::ranges::copy(as_bytes(head), body.data()).out;
  at = std::ranges::copy(bytes, at).out;
  std::ranges::copy(as_bytes(tail), at);

  HttpRequest request;
  request.method = "POST";
  request.headers = {{"Content-Type", fmt::format("multipart/form-data; boundary={}", kBoundary)}};
  request.body = body;
  const HttpAnswer answer =
      TRY_IN(file, send(request, fmt::format("/operations/uploadfile?fs={}&remote={}",
                                             escape_url(location_.remote, Slashes::escaped),
                                             escape_url(folder, Slashes::escaped))));
  if (!answer.is_success()) return fail(error_of(answer, file));
  return {};
}

Result<Bytes> RcloneStorage::fetch(const ObjectName& name, std::optional<ByteRange> range) {
  HttpRequest request;
  request.answer_limit_bytes = kObjectMax;
  if (range) {
    const std::uint64_t last = range->offset + (range->length - 1);
    request.headers = {{"Range", fmt::format("bytes={}-{}", range->offset, last)}};
    request.answer_limit_bytes = range->length + (std::uint64_t{64} << 10);
  }
  HttpAnswer answer = TRY_IN(
      name.text(),
      send(request, fmt::format("/%5B{}%5D/{}", escape_url(location_.remote, Slashes::escaped),
                                name.text())));
  if (answer.status == 416)
    return fail(ErrorCode::corrupt, fmt::format("{}: ends before the range does", name.text()));
  if (!answer.is_success()) {
    Error error = error_of(answer, name.text());
    return fail(error.code == ErrorCode::not_found ? missing(name) : std::move(error));
  }
  if (range) TRY_IN(name.text(), check_ranged_answer(answer, range->offset, range->length));
  return std::move(answer.body);
}

Result<ObjectInfo> RcloneStorage::stat(const ObjectName& name) {
  const HttpAnswer answer = TRY_IN(name.text(), call("operations/stat", about(name.text())));
  if (!answer.is_success()) {
    Error error = error_of(answer, name.text());
    return fail(error.code == ErrorCode::not_found ? missing(name) : std::move(error));
  }
  const Json json = Json::parse(as_text(answer.body), nullptr, false);
  if (!json.is_object() || !json.contains("item"))
    return fail(ErrorCode::corrupt, name.text() + ": rclone answers something else");
  if (json["item"].is_null()) return fail(missing(name));
  const Item item = TRY_IN(name.text(), item_in(json["item"]));
  if (item.is_folder) return fail(missing(name));
  return ObjectInfo{name, item.size_bytes, item.modified};
}

Result<void> RcloneStorage::list(std::string_view prefix, const EachObject& each) {
  TRY(check_prefix(prefix));
  Json wanted = about(prefix.substr(0, prefix.size() - (prefix.empty() ? 0 : 1)));
  wanted["opt"] = {{"recurse", true}, {"filesOnly", true}, {"noMimeType", true}};
  const HttpAnswer answer = TRY(call("operations/list", wanted));
  if (!answer.is_success()) {
    Error error = error_of(answer, fmt::format("list {}", prefix));
    if (error.code != ErrorCode::not_found) return fail(std::move(error));
    return check_folder();  // nothing was put there yet
  }
  const Json json = Json::parse(as_text(answer.body), nullptr, false);
  const auto found = json.is_object() ? json.find("list") : json.end();
  if (!json.is_object() || found == json.end() || !(found->is_array() || found->is_null()))
    return fail(ErrorCode::corrupt, "rclone: the answer is no listing");
  for (const Json& entry : *found) {
    const Item item = TRY(item_in(entry));
    const auto name = ObjectName::parse(item.path);
    if (!name || item.is_folder) continue;  // not ours
    if (!name->text().starts_with(prefix))
      return fail(ErrorCode::corrupt, fmt::format("rclone: list {}: names {}", prefix, item.path));
    TRY(each({*name, item.size_bytes, item.modified}));
  }
  return {};
}

Result<void> RcloneStorage::remove(const ObjectName& name) {
  const HttpAnswer answer = TRY_IN(name.text(), call("operations/deletefile", about(name.text())));
  if (answer.is_success()) return {};
  Error error = error_of(answer, name.text());
  if (error.code == ErrorCode::not_found) return check_folder();
  return fail(std::move(error));
}

}  // namespace

// Settings of a remote that is made up on the spot may be secrets: ":sftp,pass=…:path".
std::string RcloneLocation::shown() const {
  const std::size_t comma = remote.find(',');
  if (comma == std::string::npos) return "rclone:" + remote;
  return fmt::format("rclone:{},…{}", remote.substr(0, comma),
                     remote.substr(std::min(remote.rfind(':'), remote.size())));
}

bool is_rclone_location(std::string_view text) { return text.starts_with("rclone:"); }

Result<RcloneLocation> parse_rclone_location(std::string_view text) {
  const auto unusable = [](std::string_view why) {
    return fail(ErrorCode::invalid_argument, fmt::format("rclone location: {}", why));
  };
  RcloneLocation location;
  if (text.starts_with("rclone://")) {
    // No escapes, and the case of letters counts.
    text.remove_prefix(std::string_view("rclone://").size());
    // As of a URL, with the escapes of one.
    if (const std::size_t question = text.find('?'); question != std::string_view::npos) {
      location.options =
          TRY_IN("rclone location", parse_url(fmt::format("x://x{}", text.substr(question)))).query;
      text = text.substr(0, question);
    }
    const std::size_t slash = text.find('/');
    if (slash == 0 || slash == std::string_view::npos)
      return unusable("write rclone://remote/path");
    location.remote = fmt::format("{}:{}", text.substr(0, slash), text.substr(slash + 1));
  } else {
    location.remote = text.substr(7);
    if (location.remote.find(':') == std::string::npos) return unusable("write rclone:remote:path");
  }
  while (location.remote.ends_with('/')) location.remote.pop_back();
  if (location.remote.empty() || location.remote.ends_with(':'))
    return unusable("name a folder, not the whole remote");
  return location;
}

Result<std::unique_ptr<Storage>> open_rclone_storage(std::string_view location,
                                                     const StorageOptions& options) {
  RcloneLocation parsed = TRY(parse_rclone_location(location));
  KindOptions own("rclone", options.extended, std::exchange(parsed.options, {}));
  std::string program = own.take("program");
  if (program.empty()) program = "rclone";
  std::vector<std::string> command{program};
  for (std::string& word : TRY_IN("rclone.args", split_words(own.take("args"))))
    command.push_back(std::move(word));
  if (std::string config = own.take("config"); !config.empty())
    command.insert(command.end(), {"--config", std::move(config)});
  TRY(own.check_all_taken());
  return std::make_unique<RcloneStorage>(std::move(parsed), std::move(command), options.connection);
}

}  // namespace lagan
