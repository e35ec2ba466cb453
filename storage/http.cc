// SPDX-License-Identifier: Apache-2.0
#include "storage/http.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ctime>

#include "storage/curl_transfer.h"

namespace lagan {
namespace {

constexpr std::size_t kSmallBody = std::size_t{1} << 20;
constexpr std::size_t kHeadersMax = 256;

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

// For people: what else stands in it may be a secret.
std::string host_of(std::string_view url) {
  const std::size_t begin = url.find("://");
  if (begin != std::string_view::npos) url.remove_prefix(begin + 3);
  const std::string_view authority = url.substr(0, url.find_first_of("/?#"));
  return std::string(authority.substr(authority.rfind('@') + 1));
}

void take_header(std::string_view line, HttpAnswer& answer) {
  if (line.starts_with("HTTP/")) answer.headers.clear();  // an interim answer came before
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || answer.headers.size() >= kHeadersMax) return;
  answer.headers.emplace_back(lower(line.substr(0, colon)), trimmed(line.substr(colon + 1)));
}

}  // namespace

struct HttpClient::State {
  explicit State(HttpOptions options) : pool(std::move(options)) {}
  CurlPool pool;
};

HttpClient::HttpClient(HttpOptions options) : state_(std::make_unique<State>(std::move(options))) {}

HttpClient::~HttpClient() = default;

Result<HttpAnswer> HttpClient::send(const HttpRequest& request) {
  CurlPool& pool = state_->pool;
  CurlTransfer transfer(pool, request.body, request.answer_limit_bytes);
  HttpAnswer answer;
  transfer.on_line([&](std::string_view line) {
    take_header(line, answer);
    if (const auto length = number_in(answer.header("content-length"))) transfer.announce(*length);
  });
  transfer.set(CURLOPT_URL, request.url.c_str());
  transfer.set(CURLOPT_PATH_AS_IS, 1L);
  transfer.set(CURLOPT_PROTOCOLS_STR, "http,https");
  transfer.set(CURLOPT_USERAGENT, pool.options().user_agent.c_str());
  // A handle has one connection for one request at a time: HTTP/2 would gain nothing.
  transfer.set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  if (!pool.options().unix_socket.empty())
    transfer.set(CURLOPT_UNIX_SOCKET_PATH, pool.options().unix_socket.c_str());
  if (!request.user.empty()) {
    transfer.set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
    transfer.set(CURLOPT_USERNAME, request.user.c_str());
    transfer.set(CURLOPT_PASSWORD, request.password.c_str());
  }
  transfer.set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  if (request.method == "HEAD") transfer.set(CURLOPT_NOBODY, 1L);
  CurlLines headers;
  for (const auto& [name, value] : request.headers)
    headers.add(value.empty() ? name + ";" : fmt::format("{}: {}", name, value));
  // Asking first costs a round trip; it is worth it where a refusal saves a large upload, and who
  // has taken something before will hardly refuse.
  if (request.body && (request.body->size() < kSmallBody || pool.was_answered()))
    headers.add("Expect:");
  transfer.set(CURLOPT_HTTPHEADER, headers.get());

  TRY(transfer.perform(host_of(request.url)));
  answer.status = static_cast<int>(transfer.status());
  answer.body = transfer.take_body();
  return answer;
}

std::string_view HttpAnswer::header(std::string_view name) const {
  const auto at =
      std::ranges::find_if(headers, [&](const auto& header) { return header.first == name; });
  return at == headers.end() ? std::string_view() : std::string_view(at->second);
}

std::chrono::milliseconds HttpAnswer::retry_after() const {
  constexpr std::uint64_t kLongest = 86'400;
  const std::string_view text = header("retry-after");
  if (const auto seconds = number_in(text))
    return std::chrono::seconds(std::min(*seconds, kLongest));
  const auto then = parse_http_date(text), now = parse_http_date(header("date"));
  if (!then || !now || *then <= *now) return std::chrono::milliseconds(0);
  const std::chrono::nanoseconds wait(*then - *now);
  return std::min(std::chrono::duration_cast<std::chrono::milliseconds>(wait),
                  std::chrono::milliseconds(std::chrono::seconds(kLongest)));
}

std::optional<Nanoseconds> parse_http_date(std::string_view text) {
  std::tm utc{};
  if (::strptime(std::string(text).c_str(), "%a, %d %b %Y %H:%M:%S", &utc) == nullptr)
    return std::nullopt;
  // Nanoseconds reach from 1677 to 2262; a server may say anything.
  constexpr std::int64_t kLimit = 9'000'000'000;
  const std::int64_t seconds = ::timegm(&utc);
  if (seconds < -kLimit || seconds > kLimit) return std::nullopt;
  return seconds * 1'000'000'000;
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
