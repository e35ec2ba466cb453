// SPDX-License-Identifier: Apache-2.0
#include "storage/s3.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "crypto/digest.h"
#include "storage/arguments.h"
#include "storage/google_token.h"
#include "storage/open.h"
#include "storage/s3_answers.h"
#include "storage/url.h"
#include "util/base64.h"
#include "util/file.h"
#include "util/hex.h"
#include "util/mutex.h"

namespace lagan {
namespace {

constexpr std::uint64_t kObjectMax = std::uint64_t{2} << 30;
constexpr std::uint64_t kPageMax = std::uint64_t{16} << 20;
constexpr std::size_t kCustomerKeySize = 32;

struct Request {
  std::string method;
  std::string key;  // of the object, whole; empty: the bucket
  QueryParameters query = {};
  HttpHeaders headers = {};
  std::optional<ByteSpan> body = std::nullopt;
  std::uint64_t answer_limit_bytes = std::uint64_t{1} << 20;
};

class S3Storage final : public Storage {
 public:
  S3Storage(S3Location location, HttpOptions http, AwsWorld world, S3Limits limits)
      : location_(std::move(location)),
        limits_(limits),
        clock_(world.now),
        client_(std::move(http)),
        world_(world),
        chain_(std::move(world)) {}

  // Every body is checked by the server against the hash that was signed.
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
  Result<Bytes> get(const ObjectName& name) override;
  Result<Bytes> get(const ObjectName& name, ByteRange range) override;
  Result<ObjectInfo> stat(const ObjectName& name) override;
  Result<void> list(std::string_view prefix, const EachObject& each) override;
  Result<void> remove(const ObjectName& name) override;

 private:
  std::string key_of(const ObjectName& name) const { return location_.prefix + name.text(); }
  Result<HttpAnswer> send(const Request& request);
  Result<HttpAnswer> send_once(const Request& request);
  // What a request was made with, as far as its failure may teach something else.
  struct Used {
    std::string region;
    bool has_md5 = false;
  };
  bool learnt_from(const S3Failure& failure, const HttpAnswer& answer, const Used& used);
  Error error_of(const HttpAnswer& answer, std::string_view what) const;
  Result<AwsCredentials> credentials();
  Result<GoogleTokens*> tokens();
  Result<void> add_token(HttpRequest& http, const Request& request);
  Result<void> add_customer_key(HttpHeaders& headers) const;
  HttpHeaders upload_headers(const ObjectName& name) const;
  Result<void> put_in_parts(const ObjectName& name, ByteSpan bytes);
  Result<std::string> put_part(const std::string& key, const std::string& upload,
                               std::size_t number, ByteSpan bytes);
  Result<void> check_bucket();
  std::string region();

  const S3Location location_;
  const S3Limits limits_;
  const Clock clock_;
  HttpClient client_;
  const AwsWorld world_;
  AwsCredentialChain chain_;
  std::atomic<Nanoseconds> skew_ = 0;     // of the server's clock against ours
  std::atomic<bool> has_bucket_ = false;  // the bucket is known to be there
  std::atomic<bool> wants_md5_ = false;   // as a bucket with object lock does
  Mutex mutex_;
  std::string region_ GUARDED_BY(mutex_);  // empty: not asked for yet
  std::optional<GoogleTokens> tokens_ GUARDED_BY(mutex_);
};

std::string S3Storage::region() {
  const MutexLock lock(mutex_);
  if (region_.empty() && !location_.is_region_given) region_ = chain_.region();
  if (region_.empty()) region_ = location_.region;
  return region_;
}

Result<AwsCredentials> S3Storage::credentials() {
  if (!location_.user.empty()) return AwsCredentials{location_.user, location_.password, "", 0};
  return chain_.get();
}

// Null if there are keys to sign with instead.
Result<GoogleTokens*> S3Storage::tokens() {
  const std::string file = location_.is_google && location_.user.empty()
                               ? world_.variable("GOOGLE_APPLICATION_CREDENTIALS")
                               : std::string();
  if (file.empty()) return nullptr;
  const MutexLock lock(mutex_);
  if (!tokens_) {
    const std::string json = TRY_IN("GOOGLE_APPLICATION_CREDENTIALS", world_.read_file(file));
    tokens_ = TRY_IN(
        file, GoogleTokens::parse(
                  json, [this](const HttpRequest& http) { return client_.send(http); }, clock_));
  }
  return &*tokens_;
}

// In Google's own words: what begins with x-amz- it takes with signatures only.
Result<void> S3Storage::add_token(HttpRequest& http, const Request& request) {
  GoogleTokens* const tokens = TRY(this->tokens());
  http.headers = request.headers;
  for (auto& [name, value] : http.headers) {
    if (name.starts_with("x-amz-")) name.replace(0, 6, "x-goog-");
  }
  http.headers.emplace_back("Authorization", "Bearer " + TRY(tokens->get()));
  if (request.body)
    http.headers.emplace_back("Content-MD5", to_base64(as_text(md5(*request.body))));
  if (request.method == "PUT" && request.key.empty() && !tokens->project().empty())
    http.headers.emplace_back("x-goog-project-id", tokens->project());
  return {};
}

Result<HttpAnswer> S3Storage::send_once(const Request& request) {
  RequestToSign to_sign;
  to_sign.method = request.method;
  std::string path = "/" + escape_url(request.key, Slashes::stay);
  to_sign.host = location_.host;
  if (location_.is_path_style) {
    path = "/" + escape_url(location_.bucket, Slashes::escaped) +
           (request.key.empty() ? std::string() : path);
  } else {
    to_sign.host = location_.bucket + "." + location_.host;
  }
  to_sign.path = path;
  to_sign.query = request.query;
  to_sign.headers = request.headers;
  if (wants_md5_ && request.body)
    to_sign.headers.emplace_back("content-md5", to_base64(as_text(md5(*request.body))));
  const bool has_tokens = TRY(tokens()) != nullptr;
  if (!has_tokens) to_sign.payload_sha256 = to_hex(sha256(request.body.value_or(ByteSpan())));

  HttpRequest http;
  http.method = request.method;
  http.url = fmt::format("{}://{}{}", location_.is_https ? "https" : "http", to_sign.host, path);
  if (const std::string query = canonical_query(request.query); !query.empty())
    http.url += "?" + query;
  if (has_tokens) {
    TRY(add_token(http, request));
  } else {
    http.headers = sign_v4(to_sign, TRY(credentials()), region(), "s3", clock_() + skew_);
  }
  http.body = request.body;
  http.answer_limit_bytes = request.answer_limit_bytes;
  return client_.send(http);
}

// True if the same request may succeed now. What can be learnt is learnt once: a server that says
// the same again is believed.
bool S3Storage::learnt_from(const S3Failure& failure, const HttpAnswer& answer, const Used& used) {
  if (const auto google = tokens(); google && *google != nullptr) {
    if (answer.status != 401) return false;
    (*google)->forget();
    return true;
  }
  if (failure.code == "RequestTimeTooSkewed") {
    const auto date = parse_http_date(answer.header("date"));
    if (date) skew_ = *date - clock_();
    return date.has_value();
  }
  if (failure.code == "InvalidRequest" &&
      failure.message.find("Content-MD5") != std::string::npos) {
    wants_md5_ = true;
    return !used.has_md5;
  }
  if (failure.code == "ExpiredToken" && location_.user.empty()) {
    chain_.forget();
    return true;
  }
  const MutexLock lock(mutex_);
  // Another request may have learnt it meanwhile.
  if (failure.region.empty() || failure.region == used.region) return false;
  region_ = failure.region;
  return true;
}

Result<HttpAnswer> S3Storage::send(const Request& request) {
  const Used used{region(), wants_md5_};
  HttpAnswer answer = TRY(send_once(request));
  if (answer.status >= 300 && answer.status < 500 && answer.status != 404 &&
      learnt_from(parse_s3_failure(answer), answer, used)) {
    answer = TRY(send_once(request));
  }
  if (answer.is_success()) has_bucket_ = true;
  return answer;
}

Error S3Storage::error_of(const HttpAnswer& answer, std::string_view what) const {
  const S3Failure failure = parse_s3_failure(answer);
  Error error = http_status_error(answer, what);
  if (!failure.code.empty()) error.message = fmt::format("{}: {}", what, failure.code);
  const auto because = [&](ErrorCode code, std::string_view advice) {
    error.code = code;
    error.message += fmt::format(": {}", advice);
    return error;
  };
  if (failure.code == "NoSuchBucket")
    return because(ErrorCode::no_repository, "there is no bucket " + location_.bucket);
  if (failure.code == "InvalidAccessKeyId" || failure.code == "InvalidSecurity")
    return because(ErrorCode::permission, "the access key is not known there");
  if (failure.code == "SignatureDoesNotMatch")
    return because(ErrorCode::permission, "the secret key is wrong");
  if (failure.code == "RequestTimeTooSkewed")
    return because(ErrorCode::permission, "the clock of this machine or of the server is wrong");
  if (failure.code == "PermanentRedirect" || failure.code == "AuthorizationHeaderMalformed" ||
      failure.code == "IllegalLocationConstraintException")
    return because(ErrorCode::invalid_argument, "the bucket is in another region: add ?region=…");
  if (failure.code == "InvalidObjectState")
    return because(ErrorCode::unavailable,
                   "the object lies in a cold tier: restore it there first");
  if (failure.code == "InvalidBucketName") {
    return because(ErrorCode::invalid_argument,
                   "names of buckets have 3 to 63 lower-case letters, digits and hyphens");
  }
  if (failure.code == "InvalidStorageClass" ||
      (failure.code == "InvalidArgument" && !location_.data_class.empty())) {
    return because(ErrorCode::invalid_argument,
                   "does the service have that storage class (-o s3.storage-class)?");
  }
  if (failure.code == "QuotaExceeded") return because(ErrorCode::no_space, "the quota is used up");
  if (failure.code == "SlowDown" || failure.code == "OperationAborted" ||
      failure.code == "BadDigest" || failure.code == "XAmzContentSHA256Mismatch" ||
      failure.code == "RequestTimeout") {
    error.code = ErrorCode::unavailable;
    error.retry = Retry::backoff;
    return error;
  }
  if (answer.status == 403) return because(ErrorCode::permission, "these keys may not do that");
  if (!failure.message.empty()) error.message += fmt::format(" ({})", failure.message);
  return error;
}

// A missing object and a missing bucket look alike to HEAD.
Result<void> S3Storage::check_bucket() {
  if (has_bucket_) return {};
  const HttpAnswer answer =
      TRY(send({.method = "GET", .key = "", .query = {{"list-type", "2"}, {"max-keys", "1"}}}));
  if (!answer.is_success()) return fail(error_of(answer, "bucket " + location_.bucket));
  return {};
}

Result<void> S3Storage::create() {
  auto checked = check_bucket();
  if (checked || checked.error().code != ErrorCode::no_repository) return checked;
  std::string body;
  const std::string where = region();
  if (where != "us-east-1" && where != "auto" && where != "default") {
    body = fmt::format(
        "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
        "<LocationConstraint>{}</LocationConstraint></CreateBucketConfiguration>",
        where);
  }
  HttpAnswer answer = TRY(send({.method = "PUT", .key = "", .body = as_bytes(body)}));
  // Ceph knows only the name of its own zonegroup.
  if (answer.status == 400 && !body.empty())
    answer = TRY(send({.method = "PUT", .key = "", .body = ByteSpan()}));
  const std::string code = parse_s3_failure(answer).code;
  if (answer.is_success() || code == "BucketAlreadyOwnedByYou") return {};
  if (code == "BucketAlreadyExists") {
    return fail(ErrorCode::permission,
                fmt::format("the bucket {} belongs to somebody else", location_.bucket));
  }
  return fail(error_of(answer, "make the bucket " + location_.bucket));
}

Result<void> S3Storage::add_customer_key(HttpHeaders& headers) const {
  if (location_.customer_key_file.empty()) return {};
  const Bytes key = TRY_IN("sse-c-key-file", read_file(location_.customer_key_file, 4096));
  if (key.size() != kCustomerKeySize) {
    return fail(ErrorCode::invalid_argument,
                "sse-c-key-file: must have 32 bytes, as from head -c 32 /dev/urandom");
  }
  const std::string prefix = "x-amz-server-side-encryption-customer-";
  headers.emplace_back(prefix + "algorithm", "AES256");
  headers.emplace_back(prefix + "key", to_base64(as_text(key)));
  headers.emplace_back(prefix + "key-md5", to_base64(as_text(md5(key))));
  return {};
}

HttpHeaders S3Storage::upload_headers(const ObjectName& name) const {
  HttpHeaders headers;
  const bool is_data = name.text().starts_with("data/");
  const std::string& storage_class = is_data ? location_.data_class : location_.other_class;
  if (!storage_class.empty()) headers.emplace_back("x-amz-storage-class", storage_class);
  if (!location_.encryption.empty())
    headers.emplace_back("x-amz-server-side-encryption", location_.encryption);
  if (!location_.kms_key.empty())
    headers.emplace_back("x-amz-server-side-encryption-aws-kms-key-id", location_.kms_key);
  return headers;
}

Result<void> S3Storage::put(const ObjectName& name, ByteSpan bytes) {
  if (bytes.size() > limits_.single_put_bytes) return put_in_parts(name, bytes);
  Request request{
      .method = "PUT", .key = key_of(name), .headers = upload_headers(name), .body = bytes};
  TRY(add_customer_key(request.headers));
  const HttpAnswer answer = TRY_IN(name.text(), send(request));
  if (!answer.is_success()) return fail(error_of(answer, name.text()));
  return {};
}

// What was begun and not completed is taken back; if that fails too, parts stay that only a
// lifecycle rule of the bucket removes (docs/storage.md).
Result<void> S3Storage::put_in_parts(const ObjectName& name, ByteSpan bytes) {
  const std::string key = key_of(name);
  Request begin{.method = "POST",
                .key = key,
                .query = {{"uploads", ""}},
                .headers = upload_headers(name),
                .body = ByteSpan()};
  TRY(add_customer_key(begin.headers));
  const HttpAnswer begun = TRY_IN(name.text(), send(begin));
  if (!begun.is_success()) return fail(error_of(begun, name.text()));
  const std::string upload = TRY_IN(name.text(), parse_upload_id(begun.body));

  const auto put_all = [&]() -> Result<void> {
    std::string list = "<CompleteMultipartUpload>";
    std::size_t number = 1;
    for (ByteSpan rest = bytes; !rest.empty(); ++number) {
      const std::size_t size = std::min<std::size_t>(rest.size(), limits_.part_bytes);
      const std::string tag = TRY(put_part(key, upload, number, rest.first(size)));
      list += fmt::format("<Part><PartNumber>{}</PartNumber><ETag>{}</ETag></Part>", number, tag);
      rest = rest.subspan(size);
    }
    list += "</CompleteMultipartUpload>";
    const HttpAnswer done = TRY(send(
        {.method = "POST", .key = key, .query = {{"uploadId", upload}}, .body = as_bytes(list)}));
    if (!done.is_success() || !is_completed(done.body)) return fail(error_of(done, "complete"));
    return {};
  };
  auto stored = put_all();
  if (!stored) {
    (void)send({.method = "DELETE", .key = key, .query = {{"uploadId", upload}}});
    return fail(std::move(stored).error().in(name.text()));
  }
  return {};
}

Result<std::string> S3Storage::put_part(const std::string& key, const std::string& upload,
                                        std::size_t number, ByteSpan bytes) {
  Request request{.method = "PUT",
                  .key = key,
                  .query = {{"partNumber", fmt::format("{}", number)}, {"uploadId", upload}},
                  .body = bytes};
  TRY(add_customer_key(request.headers));
  const HttpAnswer answer = TRY(send(request));
  if (!answer.is_success()) return fail(error_of(answer, fmt::format("part {}", number)));
  return std::string(answer.header("etag"));
}

Result<Bytes> S3Storage::get(const ObjectName& name) {
  Request request{.method = "GET", .key = key_of(name), .answer_limit_bytes = kObjectMax};
  TRY(add_customer_key(request.headers));
  HttpAnswer answer = TRY_IN(name.text(), send(request));
  if (!answer.is_success()) return fail(error_of(answer, name.text()));
  return std::move(answer.body);
}

Result<Bytes> S3Storage::get(const ObjectName& name, ByteRange range) {
  TRY(check_range(range, kObjectEndMax));
  const std::uint64_t last = range.offset + (range.length - 1);
  Request request{.method = "GET",
                  .key = key_of(name),
                  .headers = {{"Range", fmt::format("bytes={}-{}", range.offset, last)}},
                  // A server that ignores the range is to be found out by its answer.
                  .answer_limit_bytes = range.length + (std::uint64_t{64} << 10)};
  TRY(add_customer_key(request.headers));
  HttpAnswer answer = TRY_IN(name.text(), send(request));
  if (answer.status == 416)
    return fail(ErrorCode::corrupt,
                fmt::format("{}: ends before byte {}", name.text(), range.offset));
  if (!answer.is_success()) return fail(error_of(answer, name.text()));
  TRY_IN(name.text(), check_ranged_answer(answer, range.offset, range.length));
  return std::move(answer.body);
}

Result<ObjectInfo> S3Storage::stat(const ObjectName& name) {
  Request request{.method = "HEAD", .key = key_of(name)};
  TRY(add_customer_key(request.headers));
  const HttpAnswer answer = TRY_IN(name.text(), send(request));
  if (answer.status == 404) TRY(check_bucket());
  if (!answer.is_success()) return fail(error_of(answer, name.text()));
  ObjectInfo info{.name = name};
  TRY_IN(name.text(), parse_size(answer.header("content-length"), info.size_bytes));
  info.modified = parse_http_date(answer.header("last-modified"));
  return info;
}

Result<void> S3Storage::list(std::string_view prefix, const EachObject& each) {
  TRY(check_name_prefix(prefix));
  const std::string wanted = location_.prefix + std::string(prefix);
  std::string token;
  do {
    QueryParameters query{{"list-type", "2"}, {"encoding-type", "url"}, {"prefix", wanted}};
    if (!token.empty()) query.emplace_back("continuation-token", token);
    const HttpAnswer answer = TRY(send(
        {.method = "GET", .key = "", .query = std::move(query), .answer_limit_bytes = kPageMax}));
    if (!answer.is_success()) return fail(error_of(answer, "list " + wanted));
    S3Page page = TRY_IN("list " + wanted, parse_s3_page(answer.body));
    for (const S3Listed& listed : page.objects) {
      if (!listed.key.starts_with(wanted))
        return fail(ErrorCode::corrupt, fmt::format("list {}: names {}", wanted, listed.key));
      // What others keep in the bucket has names that are none of ours, or is ignored above.
      const auto name =
          ObjectName::parse(std::string_view(listed.key).substr(location_.prefix.size()));
      if (name) TRY(each({*name, listed.size_bytes, listed.modified}));
    }
    if (page.next == token && !token.empty())
      return fail(ErrorCode::corrupt, fmt::format("list {}: goes in a circle", wanted));
    token = std::move(page.next);
  } while (!token.empty());
  return {};
}

Result<void> S3Storage::remove(const ObjectName& name) {
  const HttpAnswer answer = TRY_IN(name.text(), send({.method = "DELETE", .key = key_of(name)}));
  if (answer.is_success()) return {};
  const Error error = error_of(answer, name.text());
  if (error.code == ErrorCode::not_found) return {};
  return fail(error);
}

}  // namespace

Result<std::unique_ptr<Storage>> open_s3_storage(std::string_view location,
                                                 const StorageOptions& options) {
  return make_s3_storage(TRY(parse_s3_location(location, options.extended)), options.connection,
                         real_aws_world());
}

std::unique_ptr<Storage> make_s3_storage(S3Location location, HttpOptions http, AwsWorld world,
                                         S3Limits limits) {
  return std::make_unique<S3Storage>(std::move(location), std::move(http), std::move(world),
                                     limits);
}

}  // namespace lagan
