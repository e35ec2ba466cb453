// SPDX-License-Identifier: Apache-2.0
#include "storage/http.h"

#include <curl/curl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstring>
#include <mutex>

#include "util/mutex.h"

namespace lagan {
namespace {

constexpr std::size_t kSmallBody = std::size_t{1} << 20;
constexpr std::size_t kHeadersMax = 256;

struct HandleDeleter {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
using Handle = std::unique_ptr<CURL, HandleDeleter>;

struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, ListDeleter>;

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// What one transfer has to do with.
struct Transfer {
  const HttpRequest& request;
  const std::stop_token& stop;
  HttpAnswer answer;
  std::size_t filled = 0, sent = 0;
  bool is_too_long = false, was_stopped = false;
};

std::size_t on_header(char* data, std::size_t, std::size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::string_view line(data, size);
  if (line.starts_with("HTTP/")) transfer.answer.headers.clear();  // an interim answer came before
  const std::size_t colon = line.find(':');
  if (colon != std::string_view::npos && transfer.answer.headers.size() < kHeadersMax) {
    transfer.answer.headers.emplace_back(lower(line.substr(0, colon)),
                                         trimmed(line.substr(colon + 1)));
  }
  return size;
}

// Memory is taken for what the server announces, at most for what the caller expects.
std::size_t on_body(char* data, std::size_t, std::size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::uint64_t limit = transfer.request.answer_limit_bytes;
  if (size > limit - std::min<std::uint64_t>(limit, transfer.filled)) {
    transfer.is_too_long = true;
    return CURL_WRITEFUNC_ERROR;
  }
  Bytes& body = transfer.answer.body;
  if (transfer.filled + size > body.size()) {
    const auto announced = number_in(transfer.answer.header("content-length"));
    const std::uint64_t wanted =
        std::max<std::uint64_t>(transfer.filled + size, announced ? *announced : 2 * body.size());
    Bytes larger(static_cast<std::size_t>(std::min(wanted, limit)));
    std::memcpy(larger.data(), body.data(), transfer.filled);
    body = std::move(larger);
  }
  std::memcpy(body.data() + transfer.filled, data, size);
  transfer.filled += size;
  return size;
}

std::size_t on_send(char* into, std::size_t item, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const ByteSpan rest = transfer.request.body->subspan(transfer.sent);
  const std::size_t size = std::min(rest.size(), item * count);
  if (size != 0) std::memcpy(into, rest.data(), size);
  transfer.sent += size;
  return size;
}

// A connection that died while it was idle is replaced by curl, which then sends the body again.
int on_seek(void* user, curl_off_t offset, int origin) {
  auto& transfer = *static_cast<Transfer*>(user);
  if (origin != SEEK_SET || offset < 0) return CURL_SEEKFUNC_CANTSEEK;
  transfer.sent = static_cast<std::size_t>(offset);
  return CURL_SEEKFUNC_OK;
}

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto& transfer = *static_cast<Transfer*>(user);
  transfer.was_stopped = transfer.stop.stop_requested();
  return transfer.was_stopped ? 1 : 0;
}

// A peer that no longer acknowledges is given up like one that no longer sends.
int on_socket(void* user, curl_socket_t socket, curlsocktype) {
  const unsigned int milliseconds = *static_cast<unsigned int*>(user);
  ::setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof milliseconds);
  return CURL_SOCKOPT_OK;
}

std::string host_of(std::string_view url) {
  const std::size_t begin = url.find("://");
  if (begin == std::string_view::npos) return std::string(url);
  url.remove_prefix(begin + 3);
  return std::string(url.substr(0, url.find_first_of("/?")));
}

Error transfer_error(CURLcode code, const Transfer& transfer, std::string_view details) {
  const std::string host = host_of(transfer.request.url);
  const auto error = [&](ErrorCode kind, Retry retry, std::string_view what) {
    std::string message = fmt::format("{}: {}", host, what);
    if (!details.empty()) message += fmt::format(" ({})", details);
    return Error{kind, std::move(message), retry, {}};
  };
  if (transfer.was_stopped) return Error{ErrorCode::cancelled, "interrupted", Retry::never, {}};
  if (transfer.is_too_long)
    return error(ErrorCode::corrupt, Retry::never, "the answer is longer than it may be");
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return error(ErrorCode::unavailable, Retry::backoff,
                   "the host name does not resolve: is it spelled right, and is there a network?");
    case CURLE_COULDNT_CONNECT:
      return error(ErrorCode::unavailable, Retry::backoff,
                   "no connection: is the server running, and is the port right?");
    case CURLE_OPERATION_TIMEDOUT:
      return error(ErrorCode::unavailable, Retry::backoff, "no answer in time");
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
      return error(ErrorCode::permission, Retry::never,
                   "its certificate is not to be trusted: name the authority with --cacert FILE");
    case CURLE_SSL_CONNECT_ERROR:
      return error(ErrorCode::unavailable, Retry::backoff,
                   "no TLS connection: does the server speak https on this port?");
    case CURLE_SSL_CERTPROBLEM:
      return error(ErrorCode::invalid_argument, Retry::never,
                   "the client certificate cannot be used (--tls-client-cert)");
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return error(ErrorCode::unavailable, Retry::now, "the connection broke");
    default:
      return error(ErrorCode::unavailable, Retry::backoff, curl_easy_strerror(code));
  }
}

}  // namespace

struct HttpClient::State {
  explicit State(HttpOptions from) : options(std::move(from)) {}

  Handle take() {
    const MutexLock lock(mutex);
    if (idle.empty()) return Handle(curl_easy_init());
    Handle handle = std::move(idle.back());
    idle.pop_back();
    return handle;
  }
  void give_back(Handle handle) {
    const MutexLock lock(mutex);
    idle.push_back(std::move(handle));
  }

  const HttpOptions options;
  std::atomic<bool> was_answered = false;
  Mutex mutex;
  std::vector<Handle> idle GUARDED_BY(mutex);  // the last used is the next: its connection lives
};

HttpClient::HttpClient(HttpOptions options) : state_(std::make_unique<State>(std::move(options))) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

HttpClient::~HttpClient() = default;

Error HttpClient::first_contact(Error error) const {
  if (!state_->was_answered) error.retry = Retry::never;
  return error;
}

Result<HttpAnswer> HttpClient::send(const HttpRequest& request) {
  const HttpOptions& options = state_->options;
  Transfer transfer{.request = request, .stop = options.stop, .answer = {}};
  Handle handle = state_->take();
  if (!handle) return fail(ErrorCode::internal, "libcurl cannot be initialised");
  CURL* curl = handle.get();
  // The options of the last request go, its connection stays.
  curl_easy_reset(curl);
  char details[CURL_ERROR_SIZE] = "";
  unsigned int stall_ms = static_cast<unsigned int>(options.stall_seconds) * 1000;
  const auto set = [curl](CURLoption option, auto value) { curl_easy_setopt(curl, option, value); };

  set(CURLOPT_URL, request.url.c_str());
  set(CURLOPT_ERRORBUFFER, details);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_PATH_AS_IS, 1L);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_USERAGENT, options.user_agent.c_str());
  set(CURLOPT_HTTP_VERSION,
      static_cast<long>(options.http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
  set(CURLOPT_CONNECTTIMEOUT,
      static_cast<long>(state_->was_answered ? options.connect_seconds
                                             : options.first_connect_seconds));
  set(CURLOPT_LOW_SPEED_LIMIT, 1L);
  set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(options.stall_seconds));
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_TCP_KEEPIDLE, 30L);
  set(CURLOPT_SOCKOPTFUNCTION, on_socket);
  set(CURLOPT_SOCKOPTDATA, &stall_ms);
  set(CURLOPT_BUFFERSIZE, 512L * 1024);
  set(CURLOPT_UPLOAD_BUFFERSIZE, 1024L * 1024);
  set(CURLOPT_HEADERFUNCTION, on_header);
  set(CURLOPT_HEADERDATA, &transfer);
  set(CURLOPT_WRITEFUNCTION, on_body);
  set(CURLOPT_WRITEDATA, &transfer);
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_XFERINFOFUNCTION, on_progress);
  set(CURLOPT_XFERINFODATA, &transfer);
  if (!options.unix_socket.empty()) set(CURLOPT_UNIX_SOCKET_PATH, options.unix_socket.c_str());
  if (!options.ca_file.empty()) set(CURLOPT_CAINFO, options.ca_file.c_str());
  if (!options.client_certificate.empty()) {
    set(CURLOPT_SSLCERT, options.client_certificate.c_str());
    set(CURLOPT_SSLKEY, options.client_certificate.c_str());
  }
  if (options.insecure_tls) {
    set(CURLOPT_SSL_VERIFYPEER, 0L);
    set(CURLOPT_SSL_VERIFYHOST, 0L);
  }
  if (!request.user.empty()) {
    set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
    set(CURLOPT_USERNAME, request.user.c_str());
    set(CURLOPT_PASSWORD, request.password.c_str());
  }
  set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  if (request.method == "HEAD") set(CURLOPT_NOBODY, 1L);
  HeaderList headers;
  const auto add_header = [&](const std::string& line) {
    if (curl_slist* longer = curl_slist_append(headers.get(), line.c_str())) {
      (void)headers.release();
      headers.reset(longer);
    }
  };
  for (const auto& [name, value] : request.headers)
    add_header(value.empty() ? name + ";" : fmt::format("{}: {}", name, value));
  if (request.body) {
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.body->size()));
    set(CURLOPT_READFUNCTION, on_send);
    set(CURLOPT_READDATA, &transfer);
    set(CURLOPT_SEEKFUNCTION, on_seek);
    set(CURLOPT_SEEKDATA, &transfer);
    // Asking first costs a round trip; it is worth it where a refusal saves a large upload.
    if (request.body->size() < kSmallBody) add_header("Expect:");
  }
  set(CURLOPT_HTTPHEADER, headers.get());

  const CURLcode code = curl_easy_perform(curl);
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, nullptr);
  if (code == CURLE_OK) state_->was_answered = true;
  state_->give_back(std::move(handle));
  if (code != CURLE_OK) return fail(first_contact(transfer_error(code, transfer, details)));
  transfer.answer.status = static_cast<int>(status);
  transfer.answer.body.truncate(transfer.filled);
  return std::move(transfer.answer);
}

std::string_view HttpAnswer::header(std::string_view name) const {
  const auto at =
      std::ranges::find_if(headers, [&](const auto& header) { return header.first == name; });
  return at == headers.end() ? std::string_view() : std::string_view(at->second);
}

std::chrono::milliseconds HttpAnswer::retry_after() const {
  constexpr std::uint64_t kLongest = 86'400;
  const auto seconds = number_in(header("retry-after"));
  return std::chrono::seconds(std::min(seconds.value_or(0), kLongest));
}

Error http_status_error(const HttpAnswer& answer, std::string_view what) {
  const auto error = [&](ErrorCode code, Retry retry) {
    return Error{code, fmt::format("{}: HTTP status {}", what, answer.status), retry,
                 answer.retry_after()};
  };
  switch (answer.status) {
    case 401:
    case 403:
      return error(ErrorCode::permission, Retry::never);
    case 404:
      return error(ErrorCode::not_found, Retry::never);
    case 408:
    case 423:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
    case 509:
      return error(ErrorCode::unavailable, Retry::backoff);
    case 507:
      return error(ErrorCode::no_space, Retry::never);
    default:
      return error(ErrorCode::io, Retry::never);
  }
}

Result<void> check_ranged_answer(const HttpAnswer& answer, std::uint64_t offset,
                                 std::uint64_t length) {
  if (answer.status == 200)
    return fail(ErrorCode::corrupt, "the server ignores ranges and sends whole objects");
  // "bytes FIRST-LAST/SIZE"
  std::string_view range = answer.header("content-range");
  if (!range.starts_with("bytes "))
    return fail(ErrorCode::corrupt, "the server does not say which range it sends");
  range.remove_prefix(6);
  const std::size_t dash = range.find('-'), slash = range.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || slash < dash)
    return fail(ErrorCode::corrupt, fmt::format("the server sends the range '{}'", range));
  const auto first = number_in(range.substr(0, dash));
  const auto last = number_in(range.substr(dash + 1, slash - dash - 1));
  if (first != offset)
    return fail(ErrorCode::corrupt, fmt::format("the server sends the range '{}'", range));
  if (last != offset + length - 1) {
    return fail(
        ErrorCode::corrupt,
        fmt::format("{} bytes from {} were expected, the server has '{}'", length, offset, range));
  }
  if (answer.body.size() != length) {
    return fail(Error{ErrorCode::unavailable,
                      fmt::format("{} of {} bytes arrived", answer.body.size(), length),
                      Retry::now,
                      {}});
  }
  return {};
}

}  // namespace lagan
