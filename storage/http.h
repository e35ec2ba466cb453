// SPDX-License-Identifier: Apache-2.0
#pragma once

// HTTP requests over libcurl, blocking, one connection for each thread that is busy, kept open
// between requests. Knows no service: what an answer's status means is the caller's business. A
// failure on the way (no connection, a cut answer, a certificate) is an Error with retry advice; of
// a connection that fails before anything has ever been answered that advice is `never`, so that a
// mistyped host is told at once. There is no limit on how long a transfer takes, only on how long
// it may stand still. Any thread; nothing here retries, and redirects are not followed.

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/throttle.h"
#include "util/bytes.h"
#include "util/clock.h"
#include "util/result.h"

namespace lagan {

struct HttpOptions {
  std::string ca_file;             // PEM; empty: the system's
  std::string client_certificate;  // PEM file with certificate and key
  bool insecure_tls = false;       // no check of certificates
  std::string user_agent = "lagan";
  std::string unix_socket;  // connect there instead of to the host
  int connect_seconds = 15, first_connect_seconds = 5;
  int stall_seconds = 60;         // without a byte moved
  int first_answer_seconds = 30;  // the same before anything was answered: disks may have to wake
  // Ends large transfers with `cancelled`. Small requests are carried out still: who was
  // interrupted has a last word to say.
  std::stop_token stop;
  std::shared_ptr<Throttle> upload, download;  // null: as fast as it goes
};

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method = "GET";
  std::string url;  // escaped
  HttpHeaders headers;
  std::optional<ByteSpan> body;  // sent with Content-Length; PUT and POST want one, if empty
  std::string user, password;    // HTTP Basic, if a user is given
  std::uint64_t answer_limit_bytes = std::uint64_t{1} << 20;  // a longer body is `corrupt`
};

struct HttpAnswer {
  int status = 0;
  HttpHeaders headers;  // names in lower case
  Bytes body;

  // The first header of this (lower-case) name, or empty.
  std::string_view header(std::string_view name) const;
  bool is_success() const { return status >= 200 && status < 300; }
  // Retry-After, be it seconds or a date by the server's own clock; 0 if there is none.
  std::chrono::milliseconds retry_after() const;
};

class HttpClient {
 public:
  explicit HttpClient(HttpOptions options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  Result<HttpAnswer> send(const HttpRequest& request);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// For statuses that mean the same everywhere: 408, 429 and 5xx pass, 401 and 403 are `permission`,
// 507 is `no_space`; others are `io`. `what` begins the message.
Error http_status_error(const HttpAnswer& answer, std::string_view what);

// "Wed, 21 Oct 2015 07:28:00 GMT"
std::optional<Nanoseconds> parse_http_date(std::string_view text);

// Checks the answer to a request for `range` (status 206, Content-Range, length): servers that
// ignore ranges or clamp them are found out. `corrupt` then.
Result<void> check_ranged_answer(const HttpAnswer& answer, std::uint64_t offset,
                                 std::uint64_t length);

}  // namespace lagan
